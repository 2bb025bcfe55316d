"""The words of a report, in English and Chinese."""

from __future__ import annotations

ENGLISH = {
    "lang": "en",
    "separator": " ",
    "forecast": "{steps} steps ahead for {series} series",
    "backtest": "A test on the past: {steps} steps ahead, {windows} windows, {series} series",
    "read": "{rows} values of {label} from {first} to {last} were read.",
    "moment": "step {number}",
    "method": "{network} forecast the next {steps} steps of each series.",
    "method_backtest": (
        "{network} forecast {windows} stretches of the past of each series, {steps} steps each, "
        "from the values before them."
    ),
    "better": (
        "The forecast's error is {percent} smaller than that of the best simple forecast, {naive}."
    ),
    "worse": (
        "The forecast's error is {percent} larger than that of a simple forecast, {naive}: "
        "use that one."
    ),
    "same": "The forecast is no better than a simple forecast, {naive}.",
    "lag_copy": "It mostly repeats what was observed {count} steps before.",
    "headlines_gain": "The headlines made its error {percent} smaller.",
    "headlines_loss": "The headlines made its error {percent} larger.",
    "headlines_nothing": "The headlines changed its error by {percent}, which may well be chance.",
    "no_truth": "What really happened is not known yet, so no errors are shown.",
    "all_answered": "Every series has an answer.",
    "some_failed": "{count} of {series} series have no answer; the reasons are below.",
    "fallback": "{count} series, too short for the network, got the seasonal naive forecast.",
    "no_scale": (
        "No series has a MASE, because repeating the last season is without error in its history."
    ),
    "yhat": "forecast",
    "naive": "repeating the last value",
    "seasonal_naive": "repeating the last season",
    "drift": "continuing the line from first to last value",
    "history": "history",
    "truth": "what happened",
    "tile_series": "series",
    "tile_mase": "MASE (mean)",
    "tile_skill": "less error than the best simple forecast",
    "tile_owa": "OWA (1 = Naive2)",
    "tile_smape": "sMAPE",
    "tile_failed": "without an answer",
    "tile_steps": "steps ahead",
    "series_truth": "Forecasts beside what happened",
    "series_only": "Forecasts",
    "series_truth_note": (
        "The series forecast best, the one in the middle, and the worst, by MASE "
        "(error over that of the seasonal naive forecast in the history; below 1 is better)."
    ),
    "series_only_note": "A sample of the series, spread over the file.",
    "best": "best",
    "median": "median",
    "worst": "worst",
    "errors": "How large the errors are",
    "by_step": "Error by step ahead",
    "by_step_note": (
        "Mean absolute error of each step, each series over that of repeating the last value."
    ),
    "by_series": "Error by series",
    "by_series_note": "How many series have which MASE. The dotted line is 1.",
    "against": "Against the simple forecasts",
    "against_note": "Mean MASE over {count} series; smaller is better.",
    "unscaled": "{count} series of constant history have no MASE and are left out.",
    "worst_table": "The ten series forecast worst",
    "id": "series",
    "failures": "What failed and why",
    "reason": "reason",
    "more": "... and {count} more in failed.csv.",
    "settings": "Settings, versions and data",
    "setting": "setting",
    "value": "value",
    "made": "Made by tsmodels {version} on {when} from {job}.",
}

CHINESE = {
    "lang": "zh",
    "separator": "",
    "forecast": "{series} 条序列，预测未来 {steps} 步",
    "backtest": "历史回测：{series} 条序列，{windows} 个窗口，每个 {steps} 步",
    "read": "读入 {label} 的 {rows} 个值，时间从 {first} 到 {last}。",
    "moment": "第 {number} 步",
    "method": "{network} 预测了每条序列接下来的 {steps} 步。",
    "method_backtest": (
        "{network} 只用之前的数据，对每条序列的 {windows} 段历史各预测 {steps} 步。"
    ),
    "better": "预测的误差比最好的简单预测（{naive}）小 {percent}。",
    "worse": "预测的误差比简单预测（{naive}）大 {percent}：请改用后者。",
    "same": "预测的误差与简单预测（{naive}）相当。",
    "lag_copy": "它基本上重复 {count} 步之前的观测值。",
    "headlines_gain": "新闻标题使误差减小了 {percent}。",
    "headlines_loss": "新闻标题使误差增大了 {percent}。",
    "headlines_nothing": "新闻标题使误差变化了 {percent}，这很可能只是偶然。",
    "no_truth": "真实值尚不可知，因此不列出误差。",
    "all_answered": "所有序列都有预测结果。",
    "some_failed": "{series} 条序列中有 {count} 条没有结果，原因见下。",
    "fallback": "{count} 条序列过短，改用季节性朴素预测。",
    "no_scale": "所有序列的历史都能由“重复上一个周期”无误得出，因此没有 MASE。",
    "yhat": "预测",
    "naive": "重复最后一个值",
    "seasonal_naive": "重复上一个周期",
    "drift": "沿首末连线外推",
    "history": "历史",
    "truth": "真实值",
    "tile_series": "序列",
    "tile_mase": "平均 MASE",
    "tile_skill": "比最好的简单预测减少的误差",
    "tile_owa": "OWA（Naive2 为 1）",
    "tile_smape": "sMAPE",
    "tile_failed": "没有结果",
    "tile_steps": "预测步数",
    "series_truth": "预测与真实值",
    "series_only": "预测",
    "series_truth_note": (
        "按 MASE 排列的最好、居中和最差的序列（误差除以历史中季节性朴素预测的误差；小于 1 为好）。"
    ),
    "series_only_note": "均匀抽取的部分序列。",
    "best": "最好",
    "median": "居中",
    "worst": "最差",
    "errors": "误差有多大",
    "by_step": "各步的误差",
    "by_step_note": "每一步的平均绝对误差，各序列除以“重复最后一个值”的误差。",
    "by_series": "各序列的误差",
    "by_series_note": "各 MASE 区间内的序列数。虚线为 1。",
    "against": "与简单预测相比",
    "against_note": "{count} 条序列的平均 MASE，越小越好。",
    "unscaled": "{count} 条历史恒定的序列没有 MASE，未计入。",
    "worst_table": "误差最大的十条序列",
    "id": "序列",
    "failures": "失败的序列与原因",
    "reason": "原因",
    "more": "……其余 {count} 条见 failed.csv。",
    "settings": "设置、版本与数据",
    "setting": "设置",
    "value": "值",
    "Every value is missing.": "所有值都缺失。",
    "The series has too few rows.": "序列的行数太少。",
    "The forecast is not finite.": "预测结果不是有限数。",
    "made": "由 tsmodels {version} 于 {when} 根据 {job} 生成。",
}

LANGUAGES = {"en": ENGLISH, "zh": CHINESE}
