"""How the loss fell during training, as a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chajong.charts import FONTS

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure, Scatter

PLACE = "epoch %{x:.2f}, step %{customdata[0]:,}<br>"
SPEED = "<br>%{customdata[1]:.1f} photos/s"


def loss_curves(history: pd.DataFrame) -> Figure:
    """Draw training and inner loss against the epoch, and the learning rate beneath.

    Args:
        history: One row for each time that something was noted: fold, epoch (as a decimal
            number), step, and training_loss, inner_loss, learning_rate and photos_per_second, NaN
            where they were not.

    Returns:
        In the upper panel a line of each fold's training loss and, where there is one, a dashed
        line of its inner loss; in the lower panel a line of its learning rate.
    """
    from plotly.colors import qualitative
    from plotly.subplots import make_subplots

    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.78, 0.22], vertical_spacing=0.05
    )
    for number, (fold, rows) in enumerate(history.sort_values("step").groupby("fold")):
        name, colour = f"fold {fold}", qualitative.D3[number % len(qualitative.D3)]
        training = _line(
            rows, "training_loss", name, line_color=colour, hovertemplate=PLACE + "%{y:.4f}" + SPEED
        )
        inner = _line(
            rows,
            "inner_loss",
            f"{name}, held back",
            mode="lines+markers",
            line={"color": colour, "dash": "dash"},
            hovertemplate=PLACE + "%{y:.4f}",
        )
        rate = _line(
            rows,
            "learning_rate",
            name,
            line={"color": colour, "width": 1.5},
            showlegend=False,
            hovertemplate=PLACE + "%{y:.2e}",
        )
        # A line without points would still stand in the legend.
        losses = [training, inner] if rows["inner_loss"].notna().any() else [training]
        figure.add_traces(losses, rows=1, cols=1)
        figure.add_trace(rate, row=2, col=1)
    _lay_out(figure)
    return figure


def _line(rows: pd.DataFrame, column: str, name: str, **look: Any) -> Scatter:
    """Draw one column over the epochs in which it was noted."""
    from plotly.graph_objects import Scatter

    noted = rows.dropna(subset=column)
    places = noted[["step", "photos_per_second"]]
    look = {"mode": "lines", **look}
    return Scatter(x=noted["epoch"], y=noted[column], name=name, customdata=places, **look)


def _lay_out(figure: Figure) -> None:
    figure.update_xaxes(title_text="epoch", row=2, col=1)
    figure.update_yaxes(title_text="loss", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(
        title_text="learning rate", rangemode="tozero", exponentformat="e", nticks=3, row=2, col=1
    )
    figure.update_layout(
        title="Loss during training", font_family=FONTS, template="plotly_white", height=620
    )
