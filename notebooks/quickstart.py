# %% [markdown]
# # Quickstart: is a learned list better than the most popular titles?
#
# We run a small streaming service. Its home page shows everybody the titles that are watched most. A colleague wants
# to replace them by a recommender. Is it really better, by how much, and how sure can we be before a single member
# sees it?
#
# This notebook goes from logs to an answer in a few seconds. It needs no data of yours: `recsys` has a simulated
# streaming service whose logs look like real ones and whose truth is known, so that the answer can be checked at the
# end.

# %%
import recsys as rs

service = rs.simulate(users=1000, items=300, days=60, seed=7)
service

# %% [markdown]
# ## Logs in
#
# A **store** is a folder on disk: a DuckDB file and the fitted models. Frames or files (Parquet, CSV, JSON lines) go
# in, as in `store.ingest("events", "logs/*.parquet")`; a file that was read before adds nothing, and a bad row is
# refused with its number.

# %%
store = rs.Store("shop")
for table in ("events", "items", "users"):
    store.ingest(table, getattr(service, table)())
store.describe()

# %% [markdown]
# Who watched what, and when: a recommender needs no more. `dataset` picks the rows to learn from. Here it is the
# plays; the log holds ratings too.

# %%
data = store.dataset(event="play")
data

# %% [markdown]
# ## Hide the last two weeks
#
# A recommender has to guess what people watch *next*, so that is the test: what lies before an instant is for
# learning, what comes after it is for testing, and the instant is the same for all. Holding out random rows instead
# would let a model learn from the very days that it is tested on.

# %%
train, test = rs.temporal_split(data, test="14d")
print("learn from", train)
print("test on   ", test)

# %% [markdown]
# ## Three candidates
#
# `Popularity` is today's home page: the most watched, where a play counts half as much 30 days later. `ItemKNN`
# recommends neighbours of what somebody has watched. `ALS` finds a few tastes that explain all plays. Every model is
# made, fitted and asked in the same way.

# %%
models = {
    "popularity": rs.Popularity(half_life="30d").fit(train),
    "itemknn": rs.ItemKNN().fit(train),
    "als": rs.ALS(seed=7).fit(train),
}

# %% [markdown]
# Look at lists before you look at numbers. Here is a member, with what they have watched most:

# %%
member = 17
titles = store.items().select("item_id", "title", "genres")
watched = train.to_polars().filter(user_id=member).group_by("item_id").len("plays")
watched.join(titles, on="item_id").sort("plays", "title", descending=[True, False]).select(
    "plays", "title", "genres"
).head(5)

# %% [markdown]
# Somebody who likes thrillers, it seems. What would ALS put on their home page? It was never told a genre.

# %%
page = models["als"].recommend([member], k=5).to_polars()
page.join(titles, on="item_id", maintain_order="left").select("rank", "title", "genres", "score")

# %% [markdown]
# ## Which one is better?
#
# `compare` gives all three the same job for the same members: rank every title that the member does not know yet. Then
# it looks how well the top of the list hits what was watched in the two hidden weeks.
#
# - **ndcg@10**: how well the first ten titles hit, where hits higher up count more; 1 is perfect.
# - **recall@50**: which share of what was watched stands among the first fifty.
# - **coverage@10**: which share of the catalogue is recommended to anybody at all.

# %%
found = rs.compare(models, test, metrics=["ndcg@10", "recall@50", "coverage@10"], baseline="popularity")
print(found.conclusion)
# → itemknn is better than popularity on ndcg@10
# → als is better than popularity on ndcg@10

# %%
found.plot(0)

# %% [markdown]
# The same in figures, with all that belongs to them:

# %%
found

# %% [markdown]
# How to read it:
#
# - Members are their own control: the same person, the same two weeks, two lists. The interval is that of the
#   *difference*. All of it lies above 0, and the p-value is tiny although it was corrected for the number of questions
#   asked (Holm), so luck is no explanation.
# - *won/lost* counts members. Even a much better model loses for one member in five.
# - Members without a single play before the cut are *cold*. Nobody can know their taste yet, so all models fall back
#   to the most popular titles: the difference is exactly 0. They are counted and shown apart, not hidden in the mean.
#
# And which of the two is the best?

# %%
rs.compare({name: models[name] for name in ("itemknn", "als")}, test, metrics=["ndcg@10"]).conclusion
# → No significant difference between

# %% [markdown]
# The log cannot say: the interval holds 0. That is an answer too. One may take the cheaper one, tune both ([offline
# evaluation](offline_evaluation.ipynb)), or ask the members ([A/B test](ab_test.ipynb)).
#
# ## Write it down
#
# So far nothing was recorded. The same jobs through the store are **runs**: each knows its data (a snapshot, by its
# hash), its settings, its versions and its result.

# %%
settings = {"popularity": {"half_life": "30d"}, "itemknn": {}, "als": {}}
runs = {
    name: store.train(name, params=params, event="play", holdout="14d", seed=7).run for name, params in settings.items()
}
recorded = store.compare([run.run_id for run in runs.values()], ["ndcg@10"])
store.runs().select("kind", "model", "status", "repeatable")

# %% [markdown]
# `repeat` rebuilds the data from the snapshot, trains again and must come to the same model; otherwise it raises.

# %%
again = store.repeat(runs["als"].run_id)
print("the same model, byte for byte:", again.run.artifact == runs["als"].artifact)
# → the same model, byte for byte: True

# %% [markdown]
# The terminal does the same jobs in the same store: `recsys train als --event play --holdout 14d`, `recsys compare RUN
# RUN`, `recsys runs list`.
#
# ## Were we right?
#
# In real life you would not know before an A/B test. Here we can ask the simulator, which knows how likely every
# member is to click on every title. How many clicks would a home page of six titles truly earn in those two weeks?

# %%
pages = {name: model.recommend(test.active_users(), k=6, on_unknown="fallback") for name, model in models.items()}
truth = service.truth.since("2026-02-16")
for name in ("itemknn", "als"):
    lift = truth.lift(pages[name], pages["popularity"])
    print(f"{name}: {lift.value:.2f} clicks per visit instead of {lift.base:.2f}, {lift.relative:+.0%}")
# → itemknn: 0.70 clicks per visit instead of 0.43, +64%
# → als: 0.71 clicks per visit instead of 0.43, +66%

# %% [markdown]
# Both are truly better, and about equally good: what the comparison said. That an offline metric and clicks rise by a
# similar percentage is luck, though; they measure different things. An offline test sorts out what is worth an
# experiment. It does not replace one.
#
# ## Where to go on
#
# - [Offline evaluation](offline_evaluation.ipynb): splits that leak, metrics, tuning, and whether a winner wins every
#   month.
# - [Replay](replay.ipynb): what would a model have earned on last month's traffic?
# - [A/B test](ab_test.ipynb): plan, run, check, decide.
