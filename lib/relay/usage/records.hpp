#pragma once

#include "relay/model/ids.hpp"
#include "relay/model/time.hpp"

#include <cstdint>
#include <optional>
#include <string>

/// What organizations use, as usage reads it from the database.
namespace relay {

/// The name of a meter, as relay.meters has it. Whether there is such a meter is for the database to say.
class MeterName : public detail::CheckedText<MeterName> {
  public:
    static MeterName parse(std::string_view text);
    MeterName(StoredText, std::string text) : CheckedText(std::move(text)) {}

  private:
    explicit MeterName(std::string text) : CheckedText(std::move(text)) {}
};

/// The caller's name of a hold: 1 to 127 visible characters.
class HoldId : public detail::CheckedText<HoldId> {
  public:
    static HoldId parse(std::string_view text);
    HoldId(StoredText, std::string text) : CheckedText(std::move(text)) {}

  private:
    explicit HoldId(std::string text) : CheckedText(std::move(text)) {}
};

/// A day in UTC: 2026-11-30.
class Day : public detail::CheckedText<Day> {
  public:
    static Day parse(std::string_view text);
    Day(StoredText, std::string text) : CheckedText(std::move(text)) {}

  private:
    explicit Day(std::string text) : CheckedText(std::move(text)) {}
};

/// A month in UTC: 2026-11.
class Month : public detail::CheckedText<Month> {
  public:
    static Month parse(std::string_view text);
    Day first_day() const { return Day::parse(text() + "-01"); }

  private:
    explicit Month(std::string text) : CheckedText(std::move(text)) {}
};

/// What an organization uses of one meter: on a day, or now.
struct MeterUsage {
    OrgId org_id;
    MeterName meter;
    std::string kind{};  ///< as in relay.meters: rows, day or held
    std::string unit{};
    Day day;
    std::int64_t used = 0;  ///< of a stock on a day that is over: the most that was held together
    std::optional<std::int64_t> limit{};  ///< that is in force now; none: no limit
    std::optional<std::int64_t> left{};  ///< none: no limit, or the day is over
    std::optional<Instant> resets_at{};  ///< only of a flow, today
    std::int64_t refusals = 0;  ///< on that day
};

/// What an organization used of one meter in a month: a line of a bill, without prices.
struct MonthlyUsage {
    OrgId org_id;
    std::string plan{};  ///< that is in force now
    MeterName meter;
    std::string unit{};
    std::optional<std::int64_t> used{};  ///< of a flow
    Day peak_day;  ///< the first day with the peak
    std::int64_t peak = 0;  ///< of a flow: the most of a day; of a stock: the most that was held together
    std::optional<std::int64_t> days_at_limit{};  ///< of a flow
    std::optional<std::string> unit_hours{};  ///< of a stock: amount × hours, with two decimals
    bool complete = false;  ///< the month is over
};

/// What was used of one meter on one day of a month; of a stock, the most that was held together.
struct DailyUsage {
    MeterName meter;
    Day day;
    std::int64_t used = 0;
};

struct Hold {
    OrgId org_id;
    MeterName meter;
    HoldId hold_id;
    std::int64_t amount = 0;
    std::optional<std::string> provider{};
    Instant since{};
    std::optional<Instant> ended_at{};  ///< none: it is held
};

}  // namespace relay
