# %% [markdown]
# # A/B test: does the better list make a better service?
#
# Two recommenders came out of the [offline evaluation](offline_evaluation.ipynb) with the same accuracy, a graph
# filter and ALS. The graph filter is on the home page today. Should ALS replace it? Members decide that, not logs.
# This notebook goes the whole way: declare what would count as success, see how many members it takes, draw the arms,
# run, check, analyse, decide. The experiment runs in a simulated service, so at the end we can see whether the
# decision was right.

# %%
from datetime import datetime

import polars as pl

import recsys as rs

service = rs.simulate(users=6000, items=400, days=71, seed=11)
start, end = datetime(2026, 2, 12), datetime(2026, 2, 26)

users, events, impressions = service.users(), service.events(), service.impressions()
past_events = events.filter(pl.col("ts") < start)
past_impressions = impressions.filter(pl.col("ts") < start)

data = rs.Dataset.from_frame(past_events.filter(event="play"))
models = {"graphfilter": rs.GraphFilter().fit(data), "als": rs.ALS(seed=7).fit(data)}

# %% [markdown]
# ## 1. Say first what would convince you
#
# An **experiment** is a declaration, made before anybody looks: the arms, the goal, and the guardrails that may not
# suffer. Each member has an own clock: their window is the 14 days from the first visit in the experiment, so that an
# early bird and a latecomer count alike. `pre_period` takes what the same member did in the two weeks *before* as a
# covariate (CUPED); that makes the interval narrower and changes nothing else.


# %%
def declare(planned_units=None):
    return rs.Experiment(
        "als-vs-graphfilter",
        arms={"graphfilter": 0.5, "als": 0.5},
        control="graphfilter",
        start=start,
        end=end,
        assignment="hash",
        planned_units=planned_units,
        segments=("country",),
        metrics=[
            rs.Mean("clicks", table="impressions", aggregate="sum(click)", window="14d", pre_period="14d"),
            rs.Ratio("minutes_a_play", event="play", window="14d", role="guardrail", margin=0.05),
        ],
    )


# %% [markdown]
# The goal is clicks on the home page. The guardrail is minutes per play: a list that is clicked and then abandoned
# after ten minutes is no success. A fall of up to 5 % would be tolerated, no more.
#
# ## 2. How many members does it take?
#
# The plan looks at the four weeks before: how much do clicks vary, how much of that does the past explain, how many
# members come in a day? We want to find a rise of 8 % four times out of five.

# %%
past = rs.experiment.Frames(events=past_events, impressions=past_impressions, users=users)
plan = rs.plan(declare(), past, effect={"clicks": 0.08}, since="2026-01-15", until="2026-02-12")
plan

# %%
plan.plot(0)

# %% [markdown]
# One week of visits brings enough members, and we take two, so that each weekday counts twice. The number is now part
# of the declaration: before so many members have come to the end of their window, p-values stay locked.

# %%
experiment = declare(planned_units=plan.units)
print(plan.units, "members;", "plan", experiment.plan_hash[:12])

# %% [markdown]
# ## 3. Draw the arms
#
# A salted hash of the id gives everybody an arm: the same one at each visit, on every machine, without a table to keep
# ([specified to the byte](../docs/assignment.md)).

# %%
arms = rs.assign(experiment, users["user_id"], at=start)
arms.group_by("variant").len().sort("variant")

# %% [markdown]
# ## 4. Run
#
# Each member gets the page of their arm. The simulator plays the four weeks: who comes, looks, clicks, watches. Who
# came before the end was **exposed**, at their first visit.

# %%
members = {arm: arms.filter(variant=arm)["unit_id"] for arm in models}
pages = [model.recommend(members[arm], k=6, on_unknown="fallback").to_polars() for arm, model in models.items()]
served = service.serve(pl.concat(pages), since=start, seed=1)

visits = served.impressions.filter(pl.col("ts") < end).group_by("user_id").agg(pl.col("ts").min())
exposures = visits.rename({"user_id": "unit_id"}).join(arms.drop("reason"), on="unit_id").sort("ts", "unit_id")
exposures.head(3)

# %% [markdown]
# ## 5. Do not look too early
#
# Fifteen days in, somebody asks how it is going.

# %%
after_events = pl.concat([past_events, served.events])
after_impressions = pl.concat([past_impressions, served.impressions], how="diagonal_relaxed")


def seen_on(day, exposures=exposures):
    before = pl.col("ts") < day
    return rs.experiment.Frames(
        events=after_events.filter(before),
        impressions=after_impressions.filter(before),
        exposures=exposures.filter(before),
        users=users,
    )


early = experiment.analyze(seen_on(datetime(2026, 2, 27)))
print(early.summary)
# → clicks with als: too early to judge.

# %% [markdown]
# Whoever looks every day for three weeks and stops at the first p below .05 finds something in one of four experiments
# in which there is nothing (Armitage et al. 1969). So there is no p-value yet. (An experiment that is declared with
# `monitoring=rs.experiment.ConfidenceSequence()` pays for looks in advance and may be watched at any time.)
#
# ## 6. First the checks, then the effect
#
# Four weeks are over. But was it a fair experiment? Here is one that was not: in the app for televisions, the new page
# crashes for one member in three before the exposure is written.

# %%
broken = exposures.join(users.select("device", unit_id="user_id"), on="unit_id")
lost = (pl.col("variant") == "als") & (pl.col("device") == "tv") & (pl.col("unit_id") % 3 == 0)
through = datetime(2026, 3, 12)
unfair = experiment.analyze(seen_on(through, broken.filter(~lost).drop("device")))
print(unfair.summary)
print(unfair.check("srm").reason)

# → No decision: an integrity check failed

# %%
unfair.plot(0)

# %% [markdown]
# A **sample ratio mismatch**: a fair coin does not give these counts. Those who are missing are not like those who
# stayed, so no effect can be read from what is left. The decision is blocked, however good the numbers look.
#
# With all exposures:

# %%
analysis = experiment.analyze(seen_on(through))
print(analysis.summary)
# → Stop: do not ship als.
# → clicks is better with als
# → minutes_a_play with als is worse by more than the 5 % that are tolerated

# %%
analysis.plot(1)

# %%
analysis

# %% [markdown]
# How to read it:
#
# - **clicks** rose, and the interval excludes 0. Alone, that would be a success, and a press release.
# - **minutes a play**, the guardrail, fell by more than the 5 % that were tolerated; even the better end of the
#   interval is below. So the members click more and watch less of what they clicked.
# - *less variance*: what members did before explains part of what they did after. Without CUPED the same precision
#   would have taken a good quarter more members.
# - By country the effects are not shown to differ. The *pooled* column draws each towards the mean, as far as its own
#   uncertainty demands: the best country of five is mostly lucky.
#
# The effect so far, day by day, as more and more members came to the end of their window. The band is a *confidence
# sequence*: it may be looked at every day, and is wider for it.

# %%
analysis.plot(2)

# %% [markdown]
# ## 7. Decide
#
# The rule was written down before the first visit, so nobody has to argue about it now.

# %%
decision = analysis.decide()
decision

# %% [markdown]
# ## The truth
#
# In the real world it would end here. The simulator can tell what the two pages are truly worth to these members, per
# visit:

# %%
truth = service.truth.since(start)
both = {arm: model.recommend(exposures["unit_id"], k=6, on_unknown="fallback") for arm, model in models.items()}
for reward in ("click", "minutes"):
    lift = truth.lift(both["als"], both["graphfilter"], reward=reward)
    print(f"{reward}: {lift.base:.2f} with the graph filter, {lift.value:.2f} with als, {lift.relative:+.1%}")
# → click: 0.82 with the graph filter, 0.91 with als, +11.4%
# → minutes: 46.33 with the graph filter, 44.51 with als, -3.9%

# %% [markdown]
# The members do click more, by about as much as the test said, and yet they watch *less* with the new page. The goal
# alone would have shipped it. No [offline metric](offline_evaluation.ipynb) of plays saw that coming: ALS was the
# better one there.
#
# What made the decision right was not the p-value. It was a guardrail, written down before anybody had looked, an
# interval rather than a star, and checks that would have stopped us if the data had been broken.
#
# ## With your own data
#
# The declaration can be a TOML file, and the tables those of a store; the terminal then does the same, and records
# every look: `recsys experiment plan`, `create`, `assign`, `analyze`, `monitor`, `decide`. [Declaring an
# experiment](../docs/experiments.md) says how each number is made. `recsys experiment validate` tries your own
# experiment on your own past, with an effect of zero and with one that is known: how often does it raise a false
# alarm, how often does it find what is there?
