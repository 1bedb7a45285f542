"""The prompts, and the choice of examples for them."""

import pytest

from lessonlib.common.errors import LessonError
from lessonlib.tasks import prompting, recipes
from lessonlib.tasks.recipes import Recipe, load_glossary
from lessonlib.tasks.retrieval import GlossaryLookup


def make(name, *pairs):
    written = tuple(one for one, _house in pairs)
    return Recipe(
        name, name, tuple(f"2 {one}" for one in written), written, tuple(h for _w, h in pairs)
    )


SALSA = make("salsa", ("scallions", "green onion"), ("salt", "salt"))
SOUP = make("soup", ("water", "water"), ("shoyu", "soy sauce"))
CAKE = make("cake", ("plain flour", "flour"), ("icing sugar", "powdered sugar"), ("eggs", "eggs"))


def roles(messages):
    return [message["role"] for message in messages]


def test_zero_shot_prompts_differ_in_the_system_message_alone():
    bare, instructed = prompting.bare(SALSA), prompting.instructions(SALSA)
    assert bare[0] == {"role": "system", "content": recipes.SYSTEM_BARE}
    assert instructed[0] == {"role": "system", "content": recipes.SYSTEM_INSTRUCTIONS}
    assert bare[1:] == instructed[1:] == [{"role": "user", "content": recipes.user_message(SALSA)}]
    assert prompting.tuned(SALSA) == bare


def test_examples_can_stand_behind_the_bare_prompt():
    """What examples teach was announced, and no prompt had examples without full instructions."""
    messages = prompting.few_shot(SALSA, [SOUP], system=recipes.SYSTEM_BARE)
    assert messages == [prompting.bare(SALSA)[0], *prompting.few_shot(SALSA, [SOUP])[1:]]


def test_shots_are_earlier_turns_with_the_right_answers():
    messages = prompting.few_shot(SALSA, [SOUP, CAKE])
    assert roles(messages) == ["system", "user", "assistant", "user", "assistant", "user"]
    assert messages[2]["content"] == '["water", "soy sauce"]'
    assert messages[-1]["content"] == recipes.user_message(SALSA)
    assert prompting.few_shot(SALSA, []) == prompting.instructions(SALSA)


def test_glossary_lines_go_before_the_recipe_and_before_each_shot():
    lookup = GlossaryLookup(load_glossary())
    messages = prompting.with_glossary(
        SALSA, lookup.find(SALSA), shots=[SOUP], entries_for=lookup.find
    )
    assert messages[0]["content"] == recipes.SYSTEM_GLOSSARY
    assert messages[1]["content"].startswith("House glossary:\nshoyu -> soy sauce\n\nTitle: soup")
    assert messages[3]["content"].startswith(
        "House glossary:\nscallions -> green onion\n\nTitle: salsa"
    )
    tuned = prompting.tuned_with_glossary(SALSA, lookup.find(SALSA))
    assert [tuned[0]["content"], tuned[1]] == [recipes.SYSTEM_BARE, messages[3]]


POOL = [make(f"r{i}", (f"food{i}", f"food{i}")) for i in range(20)]


def test_the_same_seed_picks_the_same_shots_and_more_shots_keep_the_first_ones():
    four = prompting.pick_shots(POOL, 4, seed=1)
    assert four == prompting.pick_shots(POOL, 4, seed=1)
    assert prompting.pick_shots(POOL, 2, seed=1) == four[:2]
    assert prompting.pick_shots(POOL, 4, seed=2) != four
    assert len({shot.id for shot in prompting.pick_shots(POOL, 20, seed="a recipe")}) == 20


def test_balanced_shots_show_the_most_house_names_first():
    pool = [SALSA, SOUP, CAKE, make("again", ("scallions", "green onion"))]
    first, second, third = prompting.pick_balanced(pool, 3, seed=0)
    # Two renamed names (cake), or one that the pool needs twice (scallions): both count two.
    assert {first.id} < {"cake", "salsa", "again"}
    assert {first.id, second.id} & {"salsa", "again"} and "cake" in {first.id, second.id}
    assert third == SOUP, "a third look at scallions would show nothing new"
    assert prompting.pick_balanced(pool, 2, seed=0) == [first, second]


def test_balanced_shots_work_where_nothing_is_renamed():
    both = make("both", ("food1", "food1"), ("food2", "food2"))
    assert prompting.pick_balanced([*POOL, both], 1, seed=3) == [both]


@pytest.mark.parametrize("pick", [prompting.pick_shots, prompting.pick_balanced])
def test_too_many_shots_are_refused(pick):
    with pytest.raises(LessonError, match="21 examples were asked for; there are 20"):
        pick(POOL, 21, seed=0)
    with pytest.raises(LessonError, match="-1 examples"):
        pick(POOL, -1, seed=0)


def test_the_whole_glossary_is_a_beginning_that_all_requests_share():
    entries = load_glossary()
    one, other = (prompting.whole_glossary(recipe, entries) for recipe in (SALSA, SOUP))
    assert one[0] == other[0] and roles(one) == ["system", "user"]
    assert all(f"{entry.written} -> {entry.house}" in one[0]["content"] for entry in entries)
    assert one[1]["content"] == recipes.user_message(SALSA)
    assert len(prompting.whole_glossary(SALSA, entries, [SOUP])) == 4


def test_plain_names_show_no_house_name():
    messages = prompting.plain_names(SALSA, [CAKE])
    assert roles(messages) == ["system", "user", "assistant", "user"]
    assert messages[2]["content"] == '["plain flour", "icing sugar", "eggs"]'
    assert messages[0]["content"].startswith(recipes.SYSTEM_INSTRUCTIONS)
