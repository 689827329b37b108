#include "relay/health/judges.hpp"

#include "relay/model/text.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace relay::doctor {
namespace {

/// A live gateway polls every second, so one that is this far behind does not act on what it reads.
constexpr auto far_behind = std::chrono::seconds(30);

}  // namespace

CheckResult judge_months(sql::AuditMonthFacts const &facts) {
    std::string wrong;
    if (!facts.has_present) {
        wrong = "the current month has no partition, so its rows go to the default one";
    } else if (facts.default_is_used) {
        wrong = "rows are in the default partition, because their month had no partition";
    } else if (!facts.has_next) {
        wrong = "the next month has no partition yet";
    } else if (facts.overdue) {
        wrong = "operations older than 40 days are still kept: audit maintenance does not run";
    }
    if (!wrong.empty()) {
        return {"audit.months", CheckStatus::warn, wrong, advise(Act::maintain_audit).noting("best run by a timer")};
    }
    return {"audit.months", CheckStatus::ok, "this month and the next have partitions", ""};
}

CheckResult judge_seals(sql::SealFacts const &facts) {
    std::string const last =
        facts.sealed_at
            ? "the last seal was made " +
                  describe_duration(std::chrono::floor<std::chrono::seconds>(facts.at - *facts.sealed_at)) + " ago"
            : "";
    if (!facts.is_overdue) {
        return {"audit.seals", CheckStatus::ok,
                last.empty() ? "no event is older than a day, so none needs a seal yet"
                             : last + ", and no event has waited longer than a day for one",
                ""};
    }
    return {"audit.seals", CheckStatus::warn,
            last.empty() ? "the audit trail has no seal, so nothing can show that it was altered"
                         : last + ", and events have waited longer than a day for one: audit seal does not run",
            advise(Act::seal_audit).noting("best run by a timer")};
}

CheckResult judge_due_keys(sql::Named const &overdue) {
    if (overdue.count == 0) {
        return {"keys.due", CheckStatus::ok, "no key is past its due date, and no agent has lost its last key", ""};
    }
    return {"keys.due", CheckStatus::warn,
            fmt::format("{} past the due date of {} key, or without a key, longest overdue: {}",
                        counted(overdue.count, "agent"), overdue.count == 1 ? "its" : "their", overdue.first),
            advise(Act::list_agents_past_due)};
}

CheckResult judge_staged_keys(sql::StagedKeys const &staged) {
    if (staged.settled.count == 0) {
        return {"keys.staged", CheckStatus::ok,
                staged.under_way == 0
                    ? "no key is staged"
                    : fmt::format("a store may still take the staged keys of {}", counted(staged.under_way, "agent")),
                ""};
    }
    return {"keys.staged", CheckStatus::warn,
            fmt::format("{} {} staged keys that no run has confirmed; all of them work; the oldest: {}",
                        counted(staged.settled.count, "agent"), staged.settled.count == 1 ? "has" : "have",
                        staged.settled.first),
            "run rotate-key AGENT --deliver CMD again: a confirmed delivery retires them"};
}

CheckResult judge_messages(sql::RefusedMessages const &refused) {
    std::string const signatures =
        "; signatures of messages are passed on and not checked, so receivers refuse messages where policy messages is "
        "required";
    if (refused.posing.count > 0) {
        return {"messages.refused", CheckStatus::warn,
                fmt::format("in the last 24 hours messages of {} claimed to be of another organization: {}",
                            counted(refused.posing.count, "sender"), refused.posing.first) +
                    signatures,
                advise(Act::list_events)};
    }
    return {"messages.refused", CheckStatus::ok,
            (refused.count == 0 ? std::string("no receiver refused a message in the last 24 hours")
                                : fmt::format("in the last 24 hours receivers refused {}, none of another organization",
                                              counted(refused.count, "message"))) +
                signatures,
            ""};
}

CheckResult judge_windows(sql::Named const &unusual) {
    if (unusual.count == 0) {
        return {"policy.window", CheckStatus::ok, "each window for signed calls is 30 s to 120 s", ""};
    }
    return {"policy.window", CheckStatus::warn,
            fmt::format("{} outside 30 s to 120 s: {}; a short one refuses clients whose clocks differ, a long one "
                        "leaves more time for a replay",
                        counted(unusual.count, "window"), unusual.first),
            advise(Act::list_policy_changes)};
}

CheckResult judge_nonces(sql::NoncesAhead const &ahead) {
    std::string const repair = "if its clock was ahead and is right now, repair it: relay-admin-gateway(7), use_nonce";
    if (ahead.since) {
        return {"policy.nonces", CheckStatus::error,
                fmt::format("each signed call is refused as too_old until {}, which is ahead of the database's clock",
                            format_instant_seconds(*ahead.since)),
                repair};
    }
    if (ahead.up_to) {
        return {
            "policy.nonces", CheckStatus::warn,
            fmt::format("after a crash or failover, each signed call would be refused as too_old until {}, which is "
                        "ahead of the database's clock",
                        format_instant_seconds(*ahead.up_to)),
            repair};
    }
    return {"policy.nonces", CheckStatus::ok, "no signed call is refused because of a clock that was ahead", ""};
}

CheckResult judge_unused_keys(sql::Named const &unused) {
    if (unused.count == 0) {
        return {"keys.unused", CheckStatus::ok, "no old key ends within 24 hours while its new one was never used", ""};
    }
    return {"keys.unused", CheckStatus::warn,
            fmt::format("{} never used {} new key, and the old one ends within 24 hours, first of all {}",
                        counted(unused.count, "agent"), unused.count == 1 ? "its" : "their", unused.first),
            "deliver the new key, or keep the old one with rotate-key AGENT --revert"};
}

CheckResult judge_gateways(std::vector<Gateway> const &gateways) {
    std::string silent;
    std::string behind;
    std::string moved;
    for (Gateway const &gateway : gateways) {
        if (gateway.former_role) {
            moved += fmt::format("{}{} (from {} to {} at {})", moved.empty() ? "" : ", ", gateway.gateway_id,
                                 *gateway.former_role, gateway.db_role,
                                 format_instant_seconds(gateway.changed_hands_at.value_or(Instant())));
        }
        std::string &place = !gateway.live ? silent : behind;
        if (!gateway.live || !gateway.behind || *gateway.behind > far_behind) {
            place += (place.empty() ? "" : ", ") + gateway.gateway_id;
        }
    }
    if (!moved.empty()) {
        return {"gateways", CheckStatus::warn, "an id is used by another role than before: " + moved,
                advise(Act::list_gateways).also("give each gateway its own id and login")};
    }
    if (silent.empty() && behind.empty()) {
        return {"gateways", CheckStatus::ok,
                gateways.empty() ? "no gateway follows the change feed, so none may cache"
                                 : fmt::format("{} live, none behind", gateways.size()),
                ""};
    }
    std::string text = behind.empty() ? "" : "live, but not acting on changes: " + behind;
    text += behind.empty() || silent.empty() ? "" : "; ";
    text += silent.empty() ? "" : "silent for more than 60 s: " + silent;
    return {"gateways", CheckStatus::warn, text, advise(Act::list_gateways)};
}

}  // namespace relay::doctor
