#include "relay/legacy/old_table.hpp"

#include "relay/identity/use_case.hpp"
#include "relay/legacy/old_table_sql.hpp"
#include "relay/model/column_names.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace relay {
namespace {

using Columns = std::map<std::string, std::string>;

constexpr int page_size = 1000;

/// Our names of columns, and the names that older relays used.
constexpr std::pair<char const *, char const *> spellings[] = {
    {"agent_id", "agent_id"},
    {"org_id", "org_id"},
    {"name", "name"},
    {"owner", "owner"},
    {"secret_hash", "secret_hash"},
    {"secret_hash", "api_key_hash"},
    {"permissions", "permissions"},
    {"revoked", "revoked"},
    {"revoked_at", "revoked_at"},
};

bool is_word_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
           static_cast<unsigned char>(c) >= 0x80;
}

/// Returns the position after one name, plain or in double quotes; npos: there is no name.
std::size_t end_of_name(std::string const &text, std::size_t at) {
    std::size_t const start = at;
    if (at < text.size() && text[at] == '"') {
        while ((at = text.find('"', at + 1)) != text.npos && text.compare(at, 2, "\"\"") == 0) {
            ++at;
        }
        return at == text.npos || at == start + 1 ? text.npos : at + 1;
    }
    while (at < text.size() && is_word_character(text[at])) {
        ++at;
    }
    return at == start ? text.npos : at;
}

bool is_qualified_name(std::string const &text) {
    std::size_t const dot = end_of_name(text, 0);
    return dot < text.size() && text[dot] == '.' && end_of_name(text, dot + 1) == text.size();
}

std::vector<std::string> columns_of(db::Database &database, std::string const &table) {
    if (!is_qualified_name(table)) {
        throw Error(ErrorKind::usage, quote_for_message(table) + " is not SCHEMA.TABLE",
                    {.next = "write it as public." + (end_of_name(table, 0) == table.size() ? table : "agents") +
                             "; put names in double quotes where SQL needs them"});
    }
    std::vector<std::string> present;
    database.transact(reading(),
                      [&](db::Transaction &transaction) { present = sql::table_columns(transaction, table); });
    if (present.empty()) {
        throw Error(ErrorKind::not_found, "this database has no table " + quote_for_message(table));
    }
    return present;
}

/// Returns our columns with their names in the table, which may differ in case, `_` and `-` from ours. A column that is
/// mapped to nothing is left out.
struct FoundColumns {
    Columns ours{};
    std::vector<std::string> also{};
};

FoundColumns find_columns(db::Database &database, LegacyTable const &table) {
    std::vector<std::string> const present = columns_of(database, table.name);
    Columns columns;
    std::set<std::string> left_out;
    for (auto const &[given, theirs] : table.columns) {
        std::string const ours = given == "api_key_hash" ? "secret_hash" : given;
        auto const found = theirs.empty() ? std::nullopt : find_column(present, theirs);
        if (found) {
            columns.emplace(ours, present[*found]);
        } else if (theirs.empty()) {
            left_out.insert(ours);
            left_out.insert(folded_name(ours));
        } else {
            throw Error(ErrorKind::usage, "--map: the table has no column " + quote_for_message(theirs),
                        {.why = "its columns are " + listed_names(present), .suggestions = closest(theirs, present)});
        }
    }
    for (auto const &[ours, spelling] : spellings) {
        auto const found = left_out.count(ours) > 0 ? std::nullopt : find_column(present, spelling);
        if (found) {
            columns.try_emplace(ours, present[*found]);
        }
    }
    if (columns.count("agent_id") == 0) {
        throw Error(ErrorKind::usage, "the table has no column agent_id",
                    {.why = "its columns are " + listed_names(present), .next = advise(Act::name_agent_id_column)});
    }
    std::vector<std::string> also;
    std::copy_if(present.begin(), present.end(), std::back_inserter(also), [&](std::string const &name) {
        bool const is_ours =
            std::any_of(columns.begin(), columns.end(), [&](auto const &one) { return one.second == name; });
        return table.also != nullptr && table.also(name) && !is_ours && left_out.count(folded_name(name)) == 0;
    });
    return {std::move(columns), std::move(also)};
}

Columns as_columns(sql::OldAgent const &agent) {
    Columns row;
    std::pair<char const *, std::optional<std::string> const &> const all[] = {
        {"agent_id", agent.agent_id}, {"org_id", agent.org_id},           {"name", agent.name},
        {"owner", agent.owner},       {"secret_hash", agent.secret_hash}, {"permissions", agent.permissions},
        {"revoked", agent.revoked},   {"revoked_at", agent.revoked_at},
    };
    for (auto const &[name, value] : all) {
        if (value && !value->empty()) {
            row.emplace(name, *value);
        }
    }
    return row;
}

}  // namespace

void require_legacy_table(db::Database &database, std::string const &table, std::vector<std::string> const &columns) {
    std::vector<std::string> const present = columns_of(database, table);
    for (std::string const &column : columns) {
        if (std::find(present.begin(), present.end(), column) == present.end()) {
            throw Error(ErrorKind::usage, "the table " + quote_for_message(table) + " has no column " + column);
        }
    }
}

void read_legacy_table(db::Database &database, LegacyTable const &table, std::function<void(Columns)> const &take) {
    FoundColumns const columns = find_columns(database, table);
    std::optional<std::string> after;
    while (true) {
        std::vector<sql::OldAgent> page;
        std::map<std::string, Columns> also;  // of several rows with one id, each gets the values of all
        database.transact(reading(), [&](db::Transaction &transaction) {
            page = sql::read_old_agents(transaction, table.name, columns.ours, after, page_size);
            also.clear();
            for (std::string const &column : columns.also) {
                for (auto &[agent, text] : sql::read_old_column(transaction, table.name, columns.ours.at("agent_id"),
                                                                column, after, page_size)) {
                    also[agent][column] = std::move(text);
                }
            }
        });
        for (sql::OldAgent const &agent : page) {
            Columns row = as_columns(agent);
            row.merge(Columns(also[agent.agent_id.value_or("")]));
            take(std::move(row));
        }
        if (after && page.empty()) {
            return;
        }
        after = page.empty() || !after ? std::string() : page.back().agent_id;
    }
}

}  // namespace relay
