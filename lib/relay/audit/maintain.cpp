#include "relay/audit/maintain.hpp"

#include "relay/audit/seals_sql.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/outcome.hpp"
#include "relay/model/text.hpp"
#include "relay/plans/seats_sql.hpp"

#include <fmt/format.h>

#include <functional>

namespace relay {
namespace {

/// The most rows of each kind in one run, so that a first run on an old database ends in time.
constexpr std::int64_t most_pruned = 100'000;
constexpr std::int64_t most_ended = 10'000;

sql::NewEvent made_event(std::vector<EventMonth> const &made) {
    sql::NewEvent event{.action = "audit_months_made"};
    std::string months;
    std::int64_t moved = 0;
    for (EventMonth const &month : made) {
        months += (months.empty() ? "\"" : ",\"") + month.month + '"';
        moved += month.rows;
    }
    event.detail.add_json("months", "[" + months + "]").add("moved_rows", moved);
    return event;
}

sql::NewEvent pruned_event(sql::Pruned const &pruned) {
    sql::NewEvent event{.action = "audit_pruned"};
    event.detail.add("operations", pruned.operations)
        .add("key_changes", pruned.key_changes)
        .add("key_sightings", pruned.key_sightings)
        .add("usage", pruned.usage);
    return event;
}

void refuse_other_count(MaintainAudit const &request, std::size_t count) {
    if (request.expect && static_cast<std::int64_t>(count) != *request.expect) {
        throw Error(
            ErrorKind::conflict,
            fmt::format("{} would be dropped, not {}; none was dropped", counted(count, "month"), *request.expect),
            {.next = advise(Act::list_months_to_drop, std::to_string(*request.keep_months))});
    }
}

/// The steps of one run, each in its own transaction.
class Run {
  public:
    Run(db::Database &database, MaintainAudit const &request, WriteOptions const &options)
        : m_database(database), m_request(request), m_options(options) {}

    AuditMaintenance all() {
        outcome::expect_more(!m_options.dry_run);
        step(
            "the end of a plan", [this](db::Transaction &transaction) { return announce(transaction); },
            [](db::Transaction &) { return true; });
        step(
            "a month of the audit trail", [this](db::Transaction &transaction) { return make(transaction); },
            [this](db::Transaction &transaction) { return sql::have_months(transaction, m_result.made); });
        // What was removed is what the deletion counted.
        step(
            "the removal", [this](db::Transaction &transaction) { return prune(transaction); },
            [](db::Transaction &) { return true; });
        if (m_request.keep_months) {
            step(
                "the end of a month of the audit trail",
                [this](db::Transaction &transaction) { return drop(transaction); },
                [this](db::Transaction &transaction) {
                    return sql::droppable_months(transaction, *m_request.keep_months).empty();
                });
        }
        outcome::expect_more(false);
        return m_result;
    }

  private:
    /// Runs one step. `work` returns whether it changed anything, and `is_done` reads that back. If a step fails after
    /// an earlier one changed something, the error says so (`changed` is partly).
    void step(std::string_view what, std::function<bool(db::Transaction &)> const &work,
              std::function<bool(db::Transaction &)> const &is_done) {
        bool changed = false;
        try {
            m_database.transact(writing(m_options), [&](db::Transaction &transaction) {
                changed = work(transaction);
                note_who(m_result, transaction);
                if (!changed) {
                    transaction.nothing_to_do();
                } else {
                    transaction.confirm(is_done(transaction), what);
                }
            });
        } catch (Error const &error) {
            if (!m_result.changed || m_options.dry_run || error.hint().changed != Changed::no) {
                throw;
            }
            Hint hint = error.hint();
            hint.changed = Changed::partly;
            throw Error(error.kind(), what_failed(error) + "; the steps before it are committed", hint);
        }
        m_result.changed = m_result.changed || changed;
    }

    /// The plan ended without it. Only open connections wait for the rows of the feed.
    bool announce(db::Transaction &transaction) {
        m_result.plans_ended = sql::announce_ended_plans(transaction, most_ended);
        return m_result.plans_ended > 0;
    }

    bool make(db::Transaction &transaction) {
        m_result.made = sql::make_event_months(transaction, m_request.months_ahead);
        if (!m_result.made.empty()) {
            sql::record_events(transaction, m_options.by, {made_event(m_result.made)});
        }
        return !m_result.made.empty();
    }

    bool prune(db::Transaction &transaction) {
        sql::Pruned const pruned = sql::prune(transaction, most_pruned);
        m_result.pruned = pruned;
        m_result.more_to_prune = pruned.operations == most_pruned || pruned.key_changes == most_pruned ||
                                 pruned.key_sightings == most_pruned || pruned.usage == most_pruned ||
                                 pruned.floods == most_pruned || pruned.gone == most_pruned ||
                                 pruned.seat_changes == most_pruned || m_result.plans_ended == most_ended;
        if (pruned.total() > 0) {
            sql::record_events(transaction, m_options.by, {pruned_event(pruned)});
        }
        return pruned.total() > 0 || pruned.floods > 0 || pruned.gone > 0 || pruned.seat_changes > 0;
    }

    bool drop(db::Transaction &transaction) {
        m_result.dropped_unsealed = sql::unsealed_before(transaction, *m_request.keep_months);
        m_result.dropped = sql::drop_months(transaction, *m_request.keep_months, m_options.by);
        refuse_other_count(m_request, m_result.dropped.size());
        return !m_result.dropped.empty();
    }

    db::Database &m_database;
    MaintainAudit const &m_request;
    WriteOptions const &m_options;
    AuditMaintenance m_result{};
};

}  // namespace

RetentionPlan plan_retention(db::Database &database, int keep) {
    RetentionPlan plan;
    database.transact(reading(), [&](db::Transaction &transaction) {
        plan.may_drop = sql::may_drop_months(transaction);
        plan.months = sql::droppable_months(transaction, keep);
    });
    return plan;
}

AuditMaintenance maintain_audit(db::Database &database, MaintainAudit const &request, WriteOptions const &options) {
    if (request.keep_months) {  // checked before anything is changed
        RetentionPlan const plan = plan_retention(database, *request.keep_months);
        if (!plan.may_drop) {
            throw Error(
                ErrorKind::denied,
                "only members of relay_owner may drop months of the audit trail; nothing was changed",
                {.why = "without --keep-months, this login may do the rest",
                 .next = "GRANT relay_owner TO the role, or GRANT EXECUTE ON FUNCTION relay.drop_event_months"});
        }
        refuse_other_count(request, plan.months.size());
    }
    return Run(database, request, options).all();
}

}  // namespace relay
