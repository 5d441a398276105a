import time
def test_try(run):
    import numpy as np
    for name in run.members:
        t=time.time(); run.finish(name); 
        m=run.load(name,"metrics")
        print(name, round(time.time()-t,2), m["log_loss"], {k:v for k,v in m.items() if k in ("gain","answer_weight","member_weight","wise_ft_alpha","evidence","parts_with_answers")})
        print(sorted(run.load(name,"checkpoint").tensors)[:8], run.load(name,"checkpoint").configuration.get("temperature"))
