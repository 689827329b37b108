#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What to do about an error or a finding, as data. The library says what to do and to which subject. The program that links it knows
/// its own commands, and the flags that name the database: it makes the line that a person can paste.
namespace relay {

/// The acts that the library advises. In brackets: the subjects that the step names, in this order.
enum class Act {
    // The database
    initialize,  ///< make schema, first organization and first agent
    apply_schema,
    discard_schema,  ///< and all that is in it
    show_schema_status,
    verify_schema,
    show_connection,  ///< which database this is, and who is connected
    show_settings,  ///< where the settings of the connection come from
    allow_more_time,
    keep_password_in_file,
    check_login,  ///< the user's name and the password
    recover,  ///< settle an operation (operation)
    // Organizations
    create_orgs_and_agents,
    list_orgs,
    show_org,  ///< (org)
    update_org,  ///< (org)
    raise_plan,  ///< (org)
    raise_agent_limit,  ///< (org, new limit)
    // Agents and keys
    list_agents,
    show_agent,  ///< (agent)
    update_agent,  ///< (agent)
    list_agents_past_due,
    rotate_key_without_grace,  ///< (agent)
    rotate_by_force,  ///< end or replace what the rotation was refused for
    list_keys,
    retire_key,  ///< (key)
    retire_by_force,
    // Roles
    list_roles,  ///< (org)
    show_role,  ///< (org, role)
    update_role,  ///< (org, role)
    list_agents_of_role,  ///< (org, role)
    delete_role_of_agents,  ///< (org, role)
    // Incidents
    list_blocked_agents,
    unblock_agent,  ///< (agent)
    unblock_org,  ///< (org)
    restore_agent,  ///< (agent)
    restore_org,  ///< (org)
    shut_out_unknown_agent,  ///< also an id that is in no table
    // The change feed and the audit trail
    list_gateways,
    begin_feed_anew,  ///< without a cursor
    maintain_audit,
    list_months_to_drop,  ///< (number of months that are kept)
    // The shared secret
    show_legacy_status,
    import_legacy_agents,
    name_agent_id_column,  ///< of the old table
    open_legacy_window,
    give_legacy_deadline,
    extend_legacy_window,
    finish_legacy_window,
    finish_legacy_with_active,  ///< (number of agents that still use the secret)
    finish_legacy_without_active,
    deny_legacy,
    try_without_change,  ///< the same command, as a dry run
    name_relay_settings,  ///< of the file from which the relay takes its environment
};

/// One thing to do. Made by Advice.
struct Step {
    enum class Kind : std::uint8_t {
        words,  ///< a sentence for people, or SQL: one word
        act,  ///< `words` are the subjects
        program,  ///< a command of the program that runs: `words` without the program's name; the library makes none
        tool,  ///< a command of another program: its words, not quoted
    };

    Kind kind = Kind::words;
    Act act{};
    std::vector<std::string> words{};
    std::string note{};  ///< what it brings, for people; may be empty

    bool operator==(Step const &) const = default;
};

/// What to do, the best first; empty: nothing is advised. Cheap to construct where an error is thrown: all of it is out of line.
class Advice {
  public:
    Advice() noexcept;
    /// Plain words, lower case, no full stop. An empty text is no advice.
    Advice(char const *words);
    Advice(std::string words);
    Advice(Advice const &);
    Advice(Advice &&) noexcept;
    Advice &operator=(Advice const &);
    Advice &operator=(Advice &&) noexcept;
    ~Advice();

    /// What else can be done, or what is to be done afterwards.
    Advice &&also(Advice other) &&;
    /// Says what the last step brings.
    Advice &&noting(std::string_view note) &&;

    bool empty() const noexcept { return m_steps.empty(); }
    std::vector<Step> const &steps() const noexcept { return m_steps; }
    bool operator==(Advice const &) const;

  private:
    friend Advice make_advice(Step step);
    std::vector<Step> m_steps{};
};

Advice make_advice(Step step);
/// An act with its subjects, ids or texts: `advise(Act::show_role, org, role)`.
Advice advise(Act act);
Advice advise(Act act, std::string_view subject);
Advice advise(Act act, std::string_view subject, std::string_view second);

/// AgentId, OrgId, ... (this header cannot include theirs: their errors give advice)
template <typename T>
concept IdWithText = requires(T const &id) {
    { id.text() } -> std::convertible_to<std::string_view>;
};

Advice advise(Act act, IdWithText auto const &subject) { return advise(act, std::string_view(subject.text())); }
Advice advise(Act act, IdWithText auto const &subject, IdWithText auto const &second) {
    return advise(act, std::string_view(subject.text()), std::string_view(second.text()));
}
/// A command of another program: `use_tool("chmod", "600", path)`.
Advice use_tool(std::string_view name, std::string_view first, std::string_view second);

}  // namespace relay
