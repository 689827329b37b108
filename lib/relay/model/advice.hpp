#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Advice: what to do about an error or a finding, as data.
///
/// Every error should end in a line that the reader can paste. The library cannot write that line: it does not know
/// the program's commands, nor the flags that name the database in use. So it says only what to do and to which
/// subject (an Act with its ids), and the program that links it writes the command. Plain words are for what no
/// command does. No source of the library contains a command line of the program; a test checks that.
namespace relay {

/// The acts that the library advises. In brackets: the subjects of the step, in this order.
enum class Act {
    // The database
    initialize,  ///< create the schema, the first organization and the first agent
    apply_schema,
    discard_schema,  ///< with everything in it
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
    renew_subscription,  ///< (org)
    list_plans,
    show_plan,  ///< (plan)
    update_plan,  ///< (plan)
    list_seats,  ///< (org)
    // Agents and keys
    list_agents,
    show_agent,  ///< (agent)
    update_agent,  ///< (agent)
    list_agents_past_due,
    rotate_key_without_grace,  ///< (agent)
    rotate_by_force,  ///< also end or replace the key for which the rotation was refused
    list_keys,
    retire_key,  ///< (key)
    retire_by_force,
    list_staged_keys,  ///< (agent)
    retire_staged_key,  ///< (key)
    // Devices
    list_devices,
    // Roles
    list_roles,  ///< (org)
    show_role,  ///< (org, role)
    update_role,  ///< (org, role)
    list_agents_of_role,  ///< (org, role)
    delete_role_of_agents,  ///< (org, role)
    list_policy_changes,
    // Incidents
    list_blocked_agents,
    unblock_agent,  ///< (agent)
    unblock_org,  ///< (org)
    restore_agent,  ///< (agent)
    restore_org,  ///< (org)
    shut_out_unknown_agent,  ///< block or revoke an id even if no such agent exists
    list_holds,  ///< (org)
    // The change feed and the audit trail
    list_gateways,
    begin_feed_anew,  ///< without a cursor
    list_events,
    list_events_of_agent,  ///< (agent)
    list_events_of_key,  ///< (key)
    list_failures_from,  ///< (address or network, time)
    list_incidents,
    seal_audit,
    maintain_audit,
    list_months_to_drop,  ///< (number of months to keep)
    // The shared secret
    show_legacy_status,
    import_legacy_agents,
    name_agent_id_column,  ///< of the old table
    open_legacy_window,
    give_legacy_deadline,
    extend_legacy_window,
    finish_legacy_window,
    finish_legacy_accepting,  ///< (number of agents that still use the secret, number that were never seen)
    deny_legacy,
    try_without_change,  ///< the same command, as a dry run
    name_relay_settings,  ///< give the file from which the relay takes its environment
    repair_schema,  ///< set owners and rights as the migrations do
    finish_legacy_after,  ///< as finish_legacy_accepting, for another quiet time: (number, number, duration)
};

/// One thing to do. Made by Advice.
struct Step {
    enum class Kind : std::uint8_t {
        words,  ///< a sentence for people, or SQL, as a single element of `words`
        act,  ///< `words` are the subjects
        program,  ///< a command of the running program: its words without the program's name; never made by the library
        tool,  ///< a command of another program: its words, not quoted
    };

    Kind kind = Kind::words;
    Act act{};
    std::vector<std::string> words{};
    std::string note{};  ///< what the step does, for people; may be empty

    bool operator==(Step const &) const = default;
};

/// A list of steps, the best first; empty: no advice. Its members are not inline, so that throwing an error costs
/// little code.
class Advice {
  public:
    Advice() noexcept;
    /// One step in plain words, lower case, no full stop. An empty text gives no step.
    Advice(char const *words);
    Advice(std::string words);
    Advice(Advice const &);
    Advice(Advice &&) noexcept;
    Advice &operator=(Advice const &);
    Advice &operator=(Advice &&) noexcept;
    ~Advice();

    /// Adds what else can be done, or what to do afterwards.
    Advice &&also(Advice other) &&;
    /// Adds a note to the last step: what it does.
    Advice &&noting(std::string_view note) &&;

    bool empty() const noexcept { return m_steps.empty(); }
    std::vector<Step> const &steps() const noexcept { return m_steps; }
    bool operator==(Advice const &) const;

  private:
    friend Advice make_advice(Step step);
    std::vector<Step> m_steps{};
};

Advice make_advice(Step step);
/// Returns an act with its subjects, ids or texts: `advise(Act::show_role, org, role)`.
Advice advise(Act act);
Advice advise(Act act, std::string_view subject);
Advice advise(Act act, std::string_view subject, std::string_view second);
Advice advise(Act act, std::string_view subject, std::string_view second, std::string_view third);

/// AgentId, OrgId, ... (This header cannot include theirs, because their errors give advice.)
template <typename T>
concept IdWithText = requires(T const &id) {
    { id.text() } -> std::convertible_to<std::string_view>;
};

Advice advise(Act act, IdWithText auto const &subject) { return advise(act, std::string_view(subject.text())); }
Advice advise(Act act, IdWithText auto const &subject, IdWithText auto const &second) {
    return advise(act, std::string_view(subject.text()), std::string_view(second.text()));
}
/// Returns a command of another program: `use_tool("chmod", "600", path)`.
Advice use_tool(std::string_view name, std::string_view first, std::string_view second);

}  // namespace relay
