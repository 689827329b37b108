#include "cli/documents/usage.hpp"

#include "cli/documents/fields.hpp"
#include "relay/model/text.hpp"

namespace relay::cli {

namespace {

/// Whether less is left than the limit leaves, because the subscription is going to end.
bool must_fit_next_plan(MeterUsage const &usage) {
    return usage.left && (!usage.limit || *usage.left < *usage.limit - usage.used);
}

/// "over: 14 refusals today", or nothing.
Value note_of(MeterUsage const &usage) {
    std::string note = usage.limit && usage.used > *usage.limit ? "over the limit"
                       : must_fit_next_plan(usage)              ? "what is new must fit plan free, too"
                                                                : "";
    if (usage.refusals > 0) {
        note = (usage.left == 0 ? "over: " : "") + counted(usage.refusals, "refusal") +
               (usage.left || !usage.limit ? " today" : "");
    }
    return note.empty() ? Value() : Value(note);
}

}  // namespace

MeterUsage sample_usage() {
    return {.org_id = any_id<OrgId>(), .meter = MeterName::parse("messages"), .day = Day::parse("2026-11-30")};
}

Record usage_record(MeterUsage const &usage) {
    return {
        {"meter", "Meter", usage.meter},          {"used", "Used", usage.used},
        {"limit", "Limit", usage.limit},          {"left", "Left", usage.left},
        {"resets_at", "Resets", usage.resets_at}, people_only("Note", note_of(usage)),
        machine_only("refusals", usage.refusals), machine_only("meter_kind", usage.kind),
        machine_only("unit", usage.unit),         machine_only("org_id", usage.org_id),
        machine_only("day", usage.day),
    };
}

MonthlyUsage sample_monthly_usage() {
    return {.org_id = any_id<OrgId>(), .meter = MeterName::parse("messages"), .peak_day = Day::parse("2026-11-30")};
}

Record monthly_usage_record(MonthlyUsage const &usage) {
    return {
        {"org_id", "Org ID", usage.org_id},
        {"plan", "Plan", usage.plan, {.leaves = 2}},
        {"meter", "Meter", usage.meter},
        {"unit", "Unit", usage.unit, {.leaves = 3}},
        {"used", "Used", usage.used},
        {"peak_day", "Peak day", usage.peak_day},
        {"peak", "Peak", usage.peak},
        {"days_at_limit", "Days at limit", usage.days_at_limit},
        {"unit_hours", "Unit hours", usage.unit_hours ? Value(JsonText{*usage.unit_hours}) : Value()},
        {"complete", "Complete", usage.complete, {.leaves = 1}},
    };
}

Hold sample_hold() {
    return {.org_id = any_id<OrgId>(), .meter = MeterName::parse("vms"), .hold_id = HoldId::parse("vm-1")};
}

Record hold_record(Hold const &hold) {
    return {
        {"meter", "Meter", hold.meter},          {"hold_id", "Hold", hold.hold_id}, {"amount", "Amount", hold.amount},
        {"provider", "Provider", hold.provider}, {"since", "Since", hold.since},    machine_only("org_id", hold.org_id),
    };
}

}  // namespace relay::cli
