"""What all charts have in common."""

FONTS = "Noto Sans KR, NanumGothic, Apple SD Gothic Neo, Malgun Gothic, sans-serif"
"""Fonts with Hangul, of several systems."""
