#pragma once

#include <string>
#include <vector>

/// What the completion of a command line asks of the database, and what it gets.
namespace relay {

/// Which ids are worth offering: those that the command would not refuse.
enum class IdFilter {
    all,
    open,  ///< neither blocked nor revoked by themselves: what can be blocked
    live,  ///< not revoked; of keys, active and retiring ones: what can be ended
    blocked,
    revoked,
};

enum class CandidateKind { org, agent, key, role };

struct CandidateQuery {
    CandidateKind kind = CandidateKind::agent;
    IdFilter wanted = IdFilter::all;
    std::string prefix{};  ///< what is typed of the id so far
    std::string org{};  ///< agents, keys and roles of this organization only; empty: of any
    std::string agent{};  ///< keys of this agent only, roles of its organization only; empty: of any
    std::vector<std::string> taken{};  ///< ids that stand on the line already
};

/// An id and what tells it from others.
struct Candidate {
    std::string id{};
    std::string name{};  ///< of the organization, agent or role, of the key's agent; hostile text; empty: not known
    std::string owner{};  ///< the agent's or role's organization, the key's agent; empty for an organization
    std::string state{};  ///< as the database says it, for people: who knows which one it is; empty: nothing special
    std::string since{};  ///< the day of `state`, YYYY-MM-DD; may be empty
    std::string ticket{};  ///< of the block or revocation; hostile text; may be empty
};

}  // namespace relay
