#include "relay/db/migrations.hpp"
#include "relay/schema/schema_sql.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <iterator>

namespace relay::sql {
namespace {

constexpr std::size_t named_at_most = 5;

/// The rows move into the tables of release 0.1.0. Later migrations then find them there, as in any database of 0.1.0,
/// so that the conversion never changes again.
constexpr int last_of_the_release = 20;

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        std::size_t const end = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

std::vector<std::string> read_shape(db::Transaction &transaction) {
    std::vector<std::string> lines;
    db::Rows const rows =
        transaction.exec(db::conversion().shape_sql.data());  // all of an embedded file: it ends with 0
    for (db::Row const row : rows) {
        lines.push_back(row.text("line"));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
}

/// The conversion drops what it does not know, so it starts only if there is nothing like that.
void refuse_changed_shape(db::Transaction &transaction) {
    std::vector<std::string> const actual = read_shape(transaction);
    std::vector<std::string> const expected = lines_of(db::conversion().shape);
    std::vector<std::string> missing;
    std::vector<std::string> added;
    std::set_difference(expected.begin(), expected.end(), actual.begin(), actual.end(), std::back_inserter(missing));
    std::set_difference(actual.begin(), actual.end(), expected.begin(), expected.end(), std::back_inserter(added));
    std::vector<std::string> found;
    for (std::string const &line : added) {
        found.push_back("unexpected: " + line);
    }
    for (std::string const &line : missing) {
        found.push_back("missing: " + line);
    }
    if (found.empty()) {
        return;
    }
    std::size_t const rest = found.size() - std::min(found.size(), named_at_most);
    found.resize(found.size() - rest);
    throw Error(ErrorKind::schema, "the schema of before release 0.1.0 was changed by hand; nothing was converted",
                {.why = fmt::format("{}{}", fmt::join(found, "; "),
                                    rest == 0 ? std::string() : fmt::format("; and {} more", rest)),
                 .next = "remove what was added, put back what is missing, and run this again"});
}

void move_rows(db::Transaction &transaction) {
    try {
        transaction.exec_script(std::string(db::conversion().move_rows));
    } catch (Error const &error) {
        std::string const &state = error.hint().sqlstate;
        if (!state.starts_with("22") && !state.starts_with("23")) {
            throw;
        }
        // The rules for names are stricter now, for instance.
        throw Error(ErrorKind::schema,
                    "a row of the schema of before release 0.1.0 does not fit the new tables; nothing was converted",
                    {.why = error.message(), .next = "correct the row, and run this again", .sqlstate = state});
    }
}

}  // namespace

std::vector<int> convert_pending(db::Transaction &transaction) {
    if (read_schema_status(transaction).state != SchemaState::convertible) {
        return apply_pending(transaction);
    }
    refuse_changed_shape(transaction);
    transaction.exec_script(std::string(db::conversion().move_aside));
    std::vector<int> applied = apply_pending(transaction, last_of_the_release);
    transaction.exec_script("SET LOCAL ROLE relay_owner;");
    move_rows(transaction);
    // Otherwise a later migration could not alter a table whose rows still have checks to come.
    transaction.exec_script("SET CONSTRAINTS ALL IMMEDIATE; RESET ROLE;");
    std::vector<int> const later = apply_pending(transaction);
    applied.insert(applied.end(), later.begin(), later.end());
    return applied;
}

}  // namespace relay::sql
