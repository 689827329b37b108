#include "relay/schema/catalog_sql.hpp"
#include "relay/schema/schema_sql.hpp"

#include "relay/db/migrations.hpp"

#include <algorithm>
#include <iterator>
#include <set>

namespace relay::sql {
namespace {

/// The server's text of a definition depends on these settings, which a role or a database may have changed.
constexpr char const *deparse_settings_sql =
    "SELECT set_config('quote_all_identifiers', 'off', true), set_config('intervalstyle', 'postgres', true)";

/// Months come and go. The catalog describes one of them by this name, and each that is there must look like it.
constexpr std::string_view any_month = "auth_events_YYYY_MM";
constexpr std::string_view month_line = "table relay.auth_events_";

void replace_all(std::string &text, std::string_view what, std::string_view with) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
        text.replace(at, what.size(), with);
    }
}

/// "auth_events_2026_11", of the line of a table with such a name.
std::string_view month_table(std::string_view line) {
    constexpr std::string_view prefix = "table relay.";
    std::string_view const name = line.substr(std::min(prefix.size(), line.size())).substr(0, any_month.size());
    if (!line.starts_with(month_line) || name.size() != any_month.size() ||
        line.size() == prefix.size() + name.size() || line[prefix.size() + name.size()] != ' ') {
        return {};
    }
    for (std::size_t i = 0; i < name.size(); ++i) {
        bool const fits =
            any_month[i] == 'Y' || any_month[i] == 'M' ? name[i] >= '0' && name[i] <= '9' : name[i] == any_month[i];
        if (!fits) {
            return {};
        }
    }
    return name;
}

std::vector<std::string> expected_lines(std::vector<std::string> const &actual) {
    std::set<std::string_view> months;
    for (std::string const &line : actual) {
        if (std::string_view const month = month_table(line); !month.empty()) {
            months.insert(month);
        }
    }
    std::vector<std::string> lines;
    std::string_view rest = db::expected_catalog();
    while (!rest.empty()) {
        std::size_t const end = std::min(rest.find('\n'), rest.size());
        std::string_view const line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (line.find(any_month) != std::string_view::npos) {
            for (std::string_view const month : months) {
                replace_all(lines.emplace_back(line), any_month, month);
            }
        } else if (!line.empty()) {
            lines.emplace_back(line);
        }
    }
    std::sort(lines.begin(), lines.end());
    return lines;
}

}  // namespace

std::vector<std::string> read_catalog(db::Transaction &transaction) {
    std::vector<std::string> lines;
    transaction.exec(deparse_settings_sql);
    read_relation_lines(transaction, lines);
    read_code_lines(transaction, lines);
    read_right_lines(transaction, lines);
    read_surrounding_lines(transaction, lines);
    std::sort(lines.begin(), lines.end());
    return lines;
}

std::vector<SchemaDifference> verify_schema(db::Transaction &transaction) {
    return compare_catalog(transaction).differences;
}

CatalogComparison compare_catalog(db::Transaction &transaction) {
    std::vector<std::string> const actual = read_catalog(transaction);
    CatalogComparison comparison{.expected = expected_lines(actual)};
    auto const &expected = comparison.expected;
    std::vector<std::string> missing;
    std::vector<std::string> unexpected;
    std::set_difference(expected.begin(), expected.end(), actual.begin(), actual.end(), std::back_inserter(missing));
    std::set_difference(actual.begin(), actual.end(), expected.begin(), expected.end(), std::back_inserter(unexpected));
    for (std::string &line : missing) {
        comparison.differences.push_back({.missing = true, .line = std::move(line)});
    }
    for (std::string &line : unexpected) {
        comparison.differences.push_back({.missing = false, .line = std::move(line)});
    }
    return comparison;
}

}  // namespace relay::sql
