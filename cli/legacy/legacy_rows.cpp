#include "cli/legacy/legacy_rows.hpp"

#include "cli/input/permission_list.hpp"
#include "cli/legacy/revoked_value.hpp"
#include "cli/legacy/state_column.hpp"
#include "relay/model/column_names.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <array>

namespace relay::cli {

namespace {

/// Any of them can revoke. The words of --map are those of the first.
constexpr std::array<std::string_view, 2> revocation_columns{"revoked", "revoked_at"};

std::optional<std::string> take(LegacyRows::Columns &columns, std::string const &name) {
    auto const found = columns.find(name);
    return found == columns.end() ? std::nullopt : std::optional(std::move(found->second));
}

}  // namespace

std::vector<std::string> const &legacy_columns() {
    static std::vector<std::string> const names{"agent_id",     "org_id",  "name",       "owner",      "secret_hash",
                                                "api_key_hash", "revoked", "revoked_at", "permissions"};
    return names;
}

LegacyRow LegacyRows::make(std::size_t line, Columns columns, std::string fault) {
    LegacyRow row{.line = line, .fault = std::move(fault)};
    row.agent_id = take(columns, "agent_id");
    row.org_id = take(columns, "org_id");
    row.name = take(columns, "name");
    row.owner = take(columns, "owner");
    row.secret_hash = take(columns, "secret_hash");
    if (!row.secret_hash) {
        row.secret_hash = take(columns, "api_key_hash");
    }
    try {
        read_revocation(row, columns);
        if (auto const permissions = take(columns, "permissions")) {
            row.permissions = read_permission_list(*permissions);
        }
        for (auto const &[column, text] : columns) {
            if (auto state = is_state_column(column) ? read_state(column, text) : std::nullopt) {
                row.states.push_back(*std::move(state));
            }
        }
    } catch (Error const &error) {
        row.fault = row.fault.empty() ? error.message() : row.fault;
    }
    return row;
}

LegacyRow LegacyRows::make(InputRow row) {
    for (std::string const &column : row.truths) {
        if (std::find(revocation_columns.begin(), revocation_columns.end(), column) == revocation_columns.end()) {
            row.fault = "its " + column + " is true or false, not a text";
        }
    }
    return make(row.line, std::move(row.columns), std::move(row.fault));
}

void LegacyRows::read_revocation(LegacyRow &row, Columns &columns) {
    constexpr std::size_t most_unknown = 5;
    bool has_no = false;
    for (std::string_view const column : revocation_columns) {
        auto const text = take(columns, std::string(column));
        if (!text) {
            continue;
        }
        bool const by_words = column == revocation_columns.front();
        try {
            RevokedValue const value =
                read_revoked(std::string(column), *text, by_words ? m_words : std::vector<std::string>());
            row.revoked = row.revoked || value.revoked;
            row.revoked_at = value.at ? value.at : row.revoked_at;
            has_no = has_no || (by_words && !value.revoked);
        } catch (Error const &) {
            if (m_unknown.size() < most_unknown) {
                m_unknown.insert(*text);
            }
            throw;
        }
        for (std::string const &word : m_words) {
            if (by_words && read_revoked(std::string(column), *text, {word}).revoked) {
                m_used.insert(word);
            }
        }
    }
    if (has_no && row.revoked) {
        throw Error(ErrorKind::usage, "its revoked says no, but its revoked_at says that it is revoked");
    }
}

std::vector<std::string> LegacyRows::warnings(std::vector<std::string> const &unused) const {
    std::vector<std::string> warnings;
    for (std::string const &column : unused) {
        warnings.push_back("--map: no row has " + quote_for_message(column));
    }
    for (std::string const &word : m_words) {
        if (m_used.count(word) == 0) {
            warnings.push_back("--map: no row has the word " + quote_for_message(word) + ", which means revoked");
        }
    }
    if (!m_unknown.empty()) {
        warnings.push_back(
            "the column revoked has unknown words: " + listed_names({m_unknown.begin(), m_unknown.end()}) +
            "; say which of them mean revoked: --map revoked=COLUMN:WORD,WORD");
    }
    return warnings;
}

}  // namespace relay::cli
