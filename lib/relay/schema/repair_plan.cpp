#include "relay/schema/repair_plan.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <optional>
#include <set>

namespace relay {
namespace {

using Lines = std::set<std::string, std::less<>>;

constexpr std::string_view groups[] = {"relay_owner",   "relay_provisioner", "relay_responder", "relay_gateway",
                                       "relay_auditor", "relay_tenant",      "relay_billing"};
constexpr std::string_view rights_word = "owner's rights on ";

/// The first words of lines whose objects have rights.
constexpr std::string_view relation_kinds[] = {"table", "view", "sequence"};
constexpr std::string_view other_kinds[] = {"function", "schema", "type", "column"};

template <std::size_t Size>
bool is_in(std::string_view const (&words)[Size], std::string_view word) {
    return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

std::string in_capitals(std::string_view words) {
    std::string text(words);
    std::transform(text.begin(), text.end(), text.begin(), [](char letter) {
        return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
    });
    return text;
}

/// The text between the first `before` and the next `after`; none if either is not there.
std::optional<std::string_view> between(std::string_view text, std::string_view before, std::string_view after) {
    auto const begin = text.find(before);
    if (begin == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view const rest = text.substr(begin + before.size());
    auto const end = after.empty() ? rest.size() : rest.find(after);
    return end == std::string_view::npos ? std::nullopt : std::optional(rest.substr(0, end));
}

/// "function relay.f(a text)", "table relay.agents": what a line is about.
std::string_view subject_of(std::string_view line) {
    bool const is_function = line.starts_with("function ");
    auto const end = is_function ? line.find(')') : line.find(' ', line.find(' ') + 1);
    return line.substr(0, end == std::string_view::npos ? line.size() : end + (is_function ? 1 : 0));
}

/// "relation relay.agents" as GRANT names it: "TABLE relay.agents"; of a column with its name after the privilege.
std::string granted(std::string_view lower_case, std::string_view object) {
    std::string const privileges = in_capitals(lower_case);
    std::string_view const name = object.substr(object.find(' ') + 1);
    if (object.starts_with("column ")) {
        auto const dot = name.rfind('.');
        return fmt::format("{} ({}) ON TABLE {}", privileges, name.substr(dot + 1), name.substr(0, dot));
    }
    std::string_view const kind = object.starts_with("function ") ? "FUNCTION"
                                  : object.starts_with("schema ") ? "SCHEMA"
                                  : object.starts_with("type ")   ? "TYPE"
                                  : privileges == "USAGE"         ? "SEQUENCE"
                                                                  : "TABLE";
    return fmt::format("{} ON {} {}", privileges, kind, name);
}

/// What the catalog has rights on, as the lines of grants name it.
Lines objects_of(std::vector<std::string> const &catalog) {
    Lines objects;
    for (std::string const &line : catalog) {
        std::string_view const subject = subject_of(line);
        std::string_view const kind = subject.substr(0, subject.find(' '));
        std::string_view const name = subject.substr(subject.find(' ') + 1);
        if (is_in(relation_kinds, kind)) {
            objects.insert(fmt::format("relation {}", name));
        } else if (is_in(other_kinds, kind)) {
            objects.emplace(subject);
        }
    }
    return objects;
}

class Planner {
  public:
    Planner(std::vector<SchemaDifference> const &differences, std::vector<std::string> const &catalog)
        : m_objects(objects_of(catalog)) {
        for (SchemaDifference const &difference : differences) {
            (difference.missing ? m_missing : m_unexpected).insert(difference.line);
        }
    }

    void roles();
    void owners();
    void rights();
    void policies();
    std::vector<SchemaRepair> take() { return std::move(m_repairs); }

  private:
    template <typename... Args>
    void add(RepairKind kind, fmt::format_string<Args...> format, Args &&...args) {
        m_repairs.push_back({kind, fmt::format(format, std::forward<Args>(args)...)});
    }
    void missing_right(std::string_view line);
    void unexpected_right(std::string_view line);
    bool differs_in_owner(std::string_view line) const;

    Lines m_objects;
    Lines m_missing{};
    Lines m_unexpected{};
    std::vector<SchemaRepair> m_repairs{};
};

void Planner::roles() {
    for (std::string_view const group : groups) {
        std::string const line = fmt::format("role {}", group);
        bool const differs = std::any_of(m_unexpected.begin(), m_unexpected.end(),
                                         [&](std::string const &other) { return other.starts_with(line + ' '); });
        if (m_missing.count(line) == 1 && !differs) {
            add(RepairKind::role, "CREATE ROLE {} NOLOGIN", group);
        }
    }
}

/// Whether the database has this line in the same words, with another owner.
bool Planner::differs_in_owner(std::string_view line) const {
    constexpr std::string_view owner_word = " owner ";
    constexpr std::string_view ours = "relay_owner";
    auto const at = line.rfind(owner_word);  // "owner" may be the name of a column before it
    if (at == std::string_view::npos || !line.substr(at + owner_word.size()).starts_with(ours)) {
        return false;
    }
    std::string_view const before = line.substr(0, at + owner_word.size());
    std::string_view const after = line.substr(before.size() + ours.size());
    return std::any_of(m_unexpected.begin(), m_unexpected.end(), [&](std::string_view other) {
        if (!other.starts_with(before) || !other.ends_with(after) || other.size() <= before.size() + after.size()) {
            return false;
        }
        std::string_view const owner = other.substr(before.size(), other.size() - before.size() - after.size());
        return owner.find('=') == std::string_view::npos;  // else it may be a fact that differs, too
    });
}

void Planner::owners() {
    for (std::string const &line : m_missing) {
        std::string_view const subject = subject_of(line);
        std::string_view const kind = subject.substr(0, subject.find(' '));
        std::string_view const name = subject.substr(subject.find(' ') + 1);
        bool const text_differs = std::any_of(m_missing.begin(), m_missing.end(), [&](std::string const &missing) {
            return kind == "view" && missing.starts_with(fmt::format("view text {} ", name));
        });
        bool const follows_its_table = kind == "sequence" && line.find(" owned by ") != std::string::npos;
        if (differs_in_owner(line) && !text_differs && !follows_its_table) {
            add(RepairKind::owner, "ALTER {} {} OWNER TO relay_owner", in_capitals(kind), name);
        }
    }
    // What is in a schema can be given only to a role that may create something there.
    std::stable_partition(m_repairs.begin(), m_repairs.end(),
                          [](SchemaRepair const &repair) { return repair.statement.starts_with("ALTER SCHEMA "); });
}

void Planner::missing_right(std::string_view line) {
    if (line.starts_with("grant ") && !line.ends_with(" with grant option")) {
        auto const privilege = between(line, "grant ", " on ");
        auto const object = between(line, " on ", " to ");
        std::string_view const grantee = line.substr(line.rfind(" to ") + 4);
        if (privilege && object) {
            add(RepairKind::right, "GRANT {} TO {}", granted(*privilege, *object),
                grantee == "public" ? "PUBLIC" : grantee);
        }
    } else if (line.starts_with(rights_word)) {
        auto const object = between(line, rights_word, ": ").value_or("");
        std::string const rights(line.substr(line.rfind(": ") + 2));
        add(RepairKind::right, "REVOKE {} FROM relay_owner", granted("ALL", object));
        add(RepairKind::right, "GRANT {} TO relay_owner", granted(rights, object));
    } else if (line == "default rights on functions of relay_owner: relay_owner execute") {
        add(RepairKind::right, "ALTER DEFAULT PRIVILEGES FOR ROLE relay_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC");
    }
}

void Planner::unexpected_right(std::string_view line) {
    constexpr std::string_view no_usage = "no usage on ";
    if (line.starts_with("grant ")) {
        constexpr std::string_view option = " with grant option";
        line.remove_suffix(line.ends_with(option) ? option.size() : 0);
        auto const privilege = between(line, "grant ", " on ");
        auto const object = between(line, " on ", " to ");
        std::string_view const grantee = line.substr(line.rfind(" to ") + 4);
        if (privilege && object && m_objects.count(*object) == 1 && (grantee == "public" || is_in(groups, grantee))) {
            add(RepairKind::right, "REVOKE {} FROM {}", granted(*privilege, *object),
                grantee == "public" ? "PUBLIC" : grantee);
        }
    } else if (line.starts_with(no_usage)) {
        auto const object = between(line, no_usage, " for public").value_or("");
        if (m_objects.count(object) == 1) {
            add(RepairKind::right, "GRANT {} TO PUBLIC", granted("usage", object));
        }
    } else if (line.starts_with(rights_word)) {
        auto const object = between(line, rights_word, ": ").value_or("");
        std::string const expected = fmt::format("{}{}: ", rights_word, object);
        bool const is_limited = std::any_of(m_missing.begin(), m_missing.end(),
                                            [&](std::string const &missing) { return missing.starts_with(expected); });
        if (m_objects.count(object) == 1 && !is_limited) {
            add(RepairKind::right, "GRANT {} TO relay_owner", granted("ALL", object));
        }
    }
}

/// Rights that are taken come first: a right with and without grant option are two lines.
void Planner::rights() {
    for (std::string const &line : m_unexpected) {
        unexpected_right(line);
    }
    for (std::string const &line : m_missing) {
        missing_right(line);
    }
}

void Planner::policies() {
    constexpr std::string_view commands[][2] = {
        {"*", "ALL"}, {"r", "SELECT"}, {"a", "INSERT"}, {"w", "UPDATE"}, {"d", "DELETE"}};
    for (std::string const &line : m_missing) {
        auto const about = between(line, "policy ", " for ");
        auto const command = between(line, " for ", " to ");
        if (!line.starts_with("policy ") || !about || !command) {
            continue;
        }
        std::string const begin = fmt::format("policy {} ", *about);
        bool const differs = std::any_of(m_unexpected.begin(), m_unexpected.end(),
                                         [&](std::string const &other) { return other.starts_with(begin); });
        auto const *const word = std::find_if(std::begin(commands), std::end(commands),
                                              [&](auto const &known) { return known[0] == *command; });
        if (differs || word == std::end(commands)) {
            continue;
        }
        std::string_view const condition = line;
        auto const check = condition.find(" check ");
        std::string_view const read = condition.substr(0, check);
        auto const roles = between(read, " to ", " using ");
        auto const shown = between(read, " using ", "");
        if (roles && shown) {
            // TABLE NAME, and `restrictive` if it is
            auto const table = about->find(' ');
            auto const name = about->find(' ', table + 1);
            add(RepairKind::policy, "CREATE POLICY {} ON {}{} FOR {} TO {} USING ({}){}",
                about->substr(table + 1, name == std::string_view::npos ? name : name - table - 1),
                about->substr(0, table), name == std::string_view::npos ? "" : " AS RESTRICTIVE", (*word)[1], *roles,
                *shown,
                check == std::string_view::npos ? "" : fmt::format(" WITH CHECK ({})", condition.substr(check + 7)));
        }
    }
}

}  // namespace

std::vector<SchemaRepair> plan_repair(RepairKind kind, std::vector<SchemaDifference> const &differences,
                                      std::vector<std::string> const &catalog) {
    Planner planner(differences, catalog);
    switch (kind) {
        case RepairKind::role: planner.roles(); break;
        case RepairKind::owner: planner.owners(); break;
        case RepairKind::right: planner.rights(); break;
        case RepairKind::policy: planner.policies(); break;
    }
    return planner.take();
}

bool is_repairable(std::vector<SchemaDifference> const &differences, std::vector<std::string> const &catalog) {
    auto const &kinds = EnumText<RepairKind>::words;
    return std::any_of(kinds.begin(), kinds.end(),
                       [&](auto const &kind) { return !plan_repair(kind.value, differences, catalog).empty(); });
}

}  // namespace relay
