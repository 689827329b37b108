#pragma once

#include <string>
#include <vector>

/// What the completion of a command line asks the database, and the answer.
namespace relay {

/// Which ids to offer: those that the command would not refuse.
enum class IdFilter {
    all,
    open,  ///< neither blocked nor revoked themselves, so they can be blocked
    live,  ///< not revoked (for keys: active or retiring), so they can be ended
    blocked,
    revoked,
};

enum class CandidateKind { org, agent, key, role, device };

struct CandidateQuery {
    CandidateKind kind = CandidateKind::agent;
    IdFilter wanted = IdFilter::all;
    std::string prefix{};  ///< the part of the id that is typed
    std::string org{};  ///< only agents, keys, devices and roles of this organization; empty: of any
    std::string agent{};  ///< only keys and devices of this agent, and roles of its organization; empty: of any
    std::vector<std::string> taken{};  ///< ids that are on the line already
};

/// An id, with what distinguishes it for people.
struct Candidate {
    std::string id{};
    std::string
        name{};  ///< the name of the organization, agent, role, device or key's agent; may be hostile; empty: unknown
    std::string
        owner{};  ///< the agent's or role's organization, or the agent of the key or device; empty for an organization
    std::string state{};  ///< the database's text, for people, not trusted; empty: nothing special
    std::string since{};  ///< the day of `state`, YYYY-MM-DD; may be empty
    std::string ticket{};  ///< the ticket of the block or revocation; may be hostile or empty
};

}  // namespace relay
