"""What it has cost to keep models deployed: a table, and a picture of how it grew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from lessonlib.common.facts import limits
from lessonlib.common.i18n import _
from lessonlib.costs import price_list
from lessonlib.show.tables import ShownAsTable, Table

HOUR, DAY = 3600.0, 86400.0
#: What ends the lines of a picture, one form for each deployment.
MARKS = ("o", "s", "D", "^")
#: Why a deployment ended, in words.
REASONS = {
    None: "",
    "deleted": _("deleted"),
    "replaced": _("replaced by another model"),
    "idle": _("removed: nobody asked it for {days} days"),
    "expired": _("removed: its {hours} hours were over"),
}


def is_tuned(model: str) -> bool:
    """Whether a model's name is that of one tuned at Azure."""
    return ".ft-" in model


def estimate(model: str, tier: str, practice: bool) -> str:
    """What a deployment will cost by the hour, in sentences, before it is made."""
    price = price_list.hosting()
    rule = limits("azure")["deployment"]
    if not is_tuned(model):
        text = _("A base model is paid by the token; keeping it deployed costs nothing.")
    elif tier == "developer":
        text = _("The developer tier has no hourly fee, and removes the deployment after {hours}"
                 " hours.").format(hours=rule["developer_hours"])
    else:
        text = _("A deployed tuned model costs ${hour:.2f} an hour, used or not: ${day:.2f} a"
                 " day, ${month:,.0f} in 30 days (price read on {read}). It ends when you delete"
                 " it, or after {days} days without a request.").format(
            hour=price.per_hour, day=24 * price.per_hour, month=720 * price.per_hour,
            read=price.read.isoformat(), days=rule["idle_days"])
    return text + (" " + _("Practice: nothing is charged.") if practice else "")


@dataclass(frozen=True)
class Hosted:
    """One deployment on a bill. Times in seconds since 1970; None for not yet.

    ``ends_at``: when it will be removed by itself, if nobody asks it until then.
    """

    name: str
    model: str
    tier: str
    state: str
    per_hour: float
    hours: float
    dollars: float
    hosted_from: float | None = None
    hosted_until: float | None = None
    ends_at: float | None = None
    reason: str | None = None

    @property
    def end(self) -> str:
        """What became of it, in words."""
        rule = limits("azure")["deployment"]
        text = REASONS.get(self.reason, self.reason or "")
        if self.state == "Deleting":
            text = _("being deleted")
        return text.format(days=rule["idle_days"], hours=rule["developer_hours"]) or _("running")


@dataclass(frozen=True, repr=False)
class Bill(ShownAsTable):
    """All deployments with what they have cost until ``now``. ``dollars``: the sum.

    ``untold``: deployments that are paid for since nobody knows when, so not in the sum.
    """

    rows: tuple[Hosted, ...]
    now: float
    read: date
    estimated: bool = False
    untold: tuple[str, ...] = ()

    @property
    def dollars(self) -> float:
        return sum(row.dollars for row in self.rows)

    @classmethod
    def read_meter(cls, raw: dict) -> Bill:
        """From the practice service's meter."""
        names = ("name", "model", "state", "per_hour", "hours", "dollars", "hosted_from",
                 "hosted_until", "ends_at", "reason")
        rows = [Hosted(tier=row["sku"], **{name: row[name] for name in names})
                for row in raw["data"]]
        return cls(tuple(rows), raw["now"], date.fromisoformat(raw["price"]["read"]))

    def since(self, when: float) -> Bill:
        """The same bill without what was gone by then."""
        kept = [row for row in self.rows if row.hosted_until is None or row.hosted_until > when]
        return replace(self, rows=tuple(kept))

    def table(self) -> Table:
        """A line for each deployment, and the sum."""
        heading = (_("deployment"), _("tier"), _("days"), _("$ an hour"), _("$ so far"), _("end"))
        lines = []
        for row in self.rows:
            told = row.name not in self.untold
            lines.append((row.name, row.tier, f"{row.hours / 24:.1f}" if told else "?",
                          f"{row.per_hour:.2f}", f"{row.dollars:,.2f}" if told else "?", row.end))
        lines.append((_("together"), "", "", "", f"{self.dollars:,.2f}", ""))
        text = _("Hosting alone, by a price read on {read}; tokens come on top.").format(
            read=self.read.isoformat())
        if self.estimated:
            more = _("An estimate from the time since each was made; Azure's cost analysis has the"
                     " real sum, a day later.")
        else:
            more = _("Practice: nothing is charged, this is what Azure would charge.")
        notes = [f"{text} {more}"]
        if self.untold:
            notes.append(self.missing)
        return Table(heading, lines, notes, words=(0, 1, 5))

    @property
    def missing(self) -> str:
        """What is not in the sum, and why."""
        return _("Not in the sum, because Azure does not tell since when they are"
                 " deployed: {names}.").format(names=", ".join(self.untold))

    def picture(self):
        """How the bill of each deployment grew."""
        return bill_picture(self)


def estimated(deployments: Sequence) -> Bill:
    """The bill of what is deployed at Azure now, as far as it can be told from there."""
    price, now = price_list.hosting(), datetime.now(UTC).timestamp()
    rows, untold = [], []
    for one in deployments:
        paid = is_tuned(one.model) and one.tier != "developertier"
        if paid and one.created is None:
            untold.append(one.name)
        per_hour = price.per_hour if paid else 0.0
        begun = one.created.timestamp() if one.created else None
        hours = max(0.0, now - (now if begun is None else begun)) / HOUR
        rows.append(Hosted(one.name, one.model, one.tier, one.state, per_hour, hours,
                           hours * per_hour, hosted_from=begun))
    return Bill(tuple(rows), now, price.read, estimated=True, untold=tuple(untold))


def bill_picture(bill: Bill):
    """Dollars against days since the first deployment, one line for each."""
    from lessonlib.show import pictures

    fig, axes = pictures.figure(width=8, height=4)
    rows = [row for row in bill.rows if row.hosted_from is not None]
    first = min((row.hosted_from for row in rows), default=bill.now)
    styles, told = ("-", "--", "-.", ":"), []
    for place, row in enumerate(rows):
        begun, end = row.hosted_from - first, (row.hosted_until or bill.now) - first
        colour = pictures.COLOURS[place % len(pictures.COLOURS)]
        # Lines that lie on each other, as those of two cheap ones do, still end in marks of
        # different form and size; a mark on the axis is not cut off.
        axes.plot([begun / DAY, end / DAY], [0, row.dollars], styles[place % len(styles)],
                  color=colour, marker=MARKS[place % len(MARKS)], markevery=[1], clip_on=False,
                  markersize=9 + 2 * (place % 3), fillstyle="none", markeredgewidth=2,
                  label=_("{name}: ${dollars:,.2f}, {end}").format(
                      name=row.name, dollars=row.dollars, end=row.end))
        told.append(_("{name}: {dollars:,.0f} dollars after {days:.1f} days, {end}").format(
            name=row.name, dollars=row.dollars, days=row.hours / 24, end=row.end))
    axes.set(xlabel=_("days since the first deployment"), ylabel=_("hosting, $"), ylim=(0, None),
             title=_("What keeping them deployed costs"))
    axes.set_xlim(0, max(1.0, (bill.now - first) / DAY))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="y")
    if rows:  # beside the lines, never over them
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.2), fontsize=11)
    if not told and not bill.untold:
        told = [_("nothing is deployed")]
    alt = _("Hosting costs over time.") + " " + "; ".join(told) + ("." if told else "")
    return pictures.render(fig, f"{alt} {bill.missing}".strip() if bill.untold else alt)
