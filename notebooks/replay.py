# %% [markdown]
# # Replay: what would a model have earned on last month's traffic?
#
# Our home page shows six titles a visit. It draws them at random, popular ones more often, and writes down how
# probable each was. Three weeks of such traffic are in the log. What would the same visits have earned, in clicks, if
# a model had chosen the titles? Nobody was shown its lists. And yet a log like this can often answer. It can also be
# unable to, and then it should say so.

# %%
from datetime import datetime

import polars as pl

import recsys as rs

service = rs.simulate(users=2000, items=60, days=60, seed=3)
cut = datetime(2026, 2, 10)
plays = service.events().filter(pl.col("event") == "play", pl.col("ts") < cut)
shown = service.impressions().filter(pl.col("ts") >= cut)

columns = ["request_id", "position", "item_id", "propensity_position", "click"]
shown.select(columns).head(6)

# %% [markdown]
# One visit: six **impressions**, each with the title, its position, whether it was clicked, and its **propensity**,
# the probability with which the home page shows this title at this position. That column is what makes replay
# possible. It costs nothing to log, and cannot be added later.
#
# ## From models to policies
#
# The models learn from the plays *before* these three weeks. As in any test, what a model has seen cannot judge it;
# `replay` refuses a log that reaches back into the training period.

# %%
data = rs.Dataset.from_frame(plays, user_attributes=service.users())
models = {
    "popularity": rs.Popularity().fit(data),
    "itemknn": rs.ItemKNN().fit(data),
    "als": rs.ALS(seed=7).fit(data),
}

# %% [markdown]
# A **policy** is a model plus everything that decides what is shown: which titles may be watched in which country, and
# whether known titles come again (here they do, as on the real page).

# %%
rights = rs.Eligibility().available(service.availability().filter(pl.col("from") < cut), by="country")
rules = {"eligibility": rights, "user_attributes": service.users(), "exclude_seen": False}
policies = {name: rs.ope.RecommenderPolicy(model, **rules) for name, model in models.items()}

# %% [markdown]
# ## The question
#
# Where a model happens to agree with what was shown, the log tells what came of it. Agreement on a title that is
# rarely shown stands for many visits where it was not, so it counts 1 / propensity. That is **SNIPS** (Swaminathan and
# Joachims 2015). `dr`, doubly robust, adds a model of clicks for the rest; where two so different estimators agree,
# trust grows.

# %%
log = rs.LoggedFeedback.from_frame(shown, reward="click")
found = rs.replay(policies, log, estimator=["snips", "dr"], estimand="request")
print(found.conclusion)
# → als would have earned 0.7468 click per request [0.6771, 0.8166], 178 % above logged (0.2688)

# %%
found.plot(0)

# %%
found

# %% [markdown]
# How to read it:
#
# - **logged** is what the traffic did earn: 0.27 clicks a visit. It needs no weights, so its interval is narrow.
# - **effective n** is how many impressions the estimate really rests on. The log has almost 200,000; only where ALS
#   agrees does one count, and those with large weights count for many. A few thousand remain.
# - **whether the log can answer**: checks that run before any number is believed. Do titles appear as often as their
#   propensities claim? Do weights average to 1? Does a handful of members carry the result? All of them pass here.
#
# ## Which one is better?
#
# All policies are valued on the same impressions, so their errors are alike and cancel in the difference. Hold the
# candidates against popularity rather than comparing two intervals by eye:

# %%
paired = rs.replay(policies, log, baseline="popularity", estimand="request")
print(paired.conclusion)
# → itemknn would have earned 0.6067 click per request [0.5396, 0.6738], 64.5 % above popularity (0.3689)
# → als would have earned 0.7468 click per request [0.6771, 0.8166], 102 % above popularity (0.3689)

# %%
paired.plot(1)

# %% [markdown]
# "Above" is only said where the difference is significant, corrected for the number of candidates.
#
# ## When the log cannot answer
#
# An estimator always gives a number. The gate before it decides whether you get to see it.
#
# **Nobody wrote down the propensities.** Then there is nothing to weight with:

# %%
blind = rs.LoggedFeedback.from_frame(
    shown.select("request_id", "ts", "user_id", "item_id", "position", "click"), reward="click"
)
print(rs.replay({"als": policies["als"]}, blind, estimand="request").conclusion)
# → The log cannot say what als would have earned

# %% [markdown]
# **The page never shows what the model wants to show.** Here is a service as before, but its page only ever shows the
# 20 titles that are known best:

# %%
narrow = rs.simulate(users=2000, items=60, days=60, seed=3, shelf=20)
narrow_log = rs.LoggedFeedback.from_frame(narrow.impressions().filter(pl.col("ts") >= cut), reward="click")
unsupported = rs.replay({"als": policies["als"]}, narrow_log, estimand="request")
print(unsupported.conclusion)
# → The log cannot say what als would have earned: a part of what the policy shows was never shown in the log

# %% [markdown]
# A part of the lists consists of titles of which this log says nothing at all. No estimator can know better, and SNIPS
# would not even have noticed: it would have reported what the *other* titles earned.
#
# **There is too little of it.** One morning:

# %%
morning = log.period(until="2026-02-10T08:00:00")
print(rs.replay({"als": policies["als"]}, morning, estimand="request").conclusion)
# → The log cannot say what als would have earned: few rows carry the estimate

# %% [markdown]
# Agreement is rare, so 500 impressions shrink to a handful. The remedy is more days, or a page that explores more, or
# a policy that stays nearer to what is shown. In a pipeline, `recsys replay … --fail-on not-estimable` ends with exit
# code 6.
#
# ## The truth
#
# The simulator knows what each page would truly have earned in these three weeks.

# %%
truth = service.truth.since(cut)
members = shown["user_id"].unique()
rows = []
for name, model in models.items():
    page = model.recommend(members, k=6, at=cut, on_unknown="fallback", **rules)
    one = found[name, "snips"]
    rows.append((name, one.ci_low, one.value, one.ci_high, truth.policy_value(page)))
pl.DataFrame(rows, schema=["policy", "from", "replay says", "to", "truth"], orient="row").with_columns(
    pl.selectors.float().round(3)
)

# %% [markdown]
# All three true values lie in their intervals. (Of many such intervals, one in twenty will miss.) Compare that with an
# [offline metric](offline_evaluation.ipynb), which can rank models, but not say what they earn.
#
# What replay takes for granted, and no check can see: a visit would have come about all the same with other titles on
# the page, and what was watched last week does not change what is clicked today. It tells what the *next* page earns,
# not what a service becomes after months of it. That is what an [A/B test](ab_test.ipynb) is for, and the reason to
# keep what replay had said beside what the test found: `recsys ledger` does.
#
# In a store it is `store.replay(run_id, reward="click")`, or `recsys replay RUN`; then each user is served with their
# history as of the request. [How values and intervals are made](../docs/decisions/0027-values-of-policies.md), [why
# there is a gate](../docs/decisions/0028-a-gate-before-every-number.md).
