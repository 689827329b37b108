#pragma once

#include "verifier.hpp"

#include <list>

/// Shows the agents of an organization which of them run, and takes their cards and beats. Copy it into your gateway, with
/// verifier.hpp.
///
/// relay-admin-registry(7) explains the rules that it keeps.
///
///   POST   /api/registry/agents/ID/register    {card, instance_id, lease_seconds}: the agent runs; no card: it still runs
///   POST   /api/registry/agents/ID/drain       with ?instance_id=&started_at=: it takes no work, and searches do not find it
///   DELETE /api/registry/agents/ID/unregister  with ?instance_id=&started_at=: it has stopped
///   POST   /api/registry/agents/ID/refused     {reason, claimed_org_id, trace_id}: it refused a message of its organization
///   GET    /api/registry/agents, .../search    ?skill=&tag=&capability=&pattern=&after=&most=: those that run and meet all
///   GET    /api/registry/agents/ID             one of them
namespace gateway::registry {

/// Where the places of the registry begin.
constexpr std::string_view place = "/api/registry/";
/// Bytes: a card and what is around it. Refuse a longer body with 413, before you read it.
constexpr std::size_t longest_body = (1 << 16) + (1 << 10);

struct Answer {
    int status = 200;
    std::string text{};  ///< JSON
    std::string allow{};  ///< the method that the place knows, if the status is 405
};

/// A request that is answered without the database.
struct Refused : std::runtime_error {
    explicit Refused(Answer said) : std::runtime_error(said.text), answer(std::move(said)) {}
    Answer answer;
};

struct Request {
    std::string operation{};  ///< register drain unregister refused find card
    Value own{};  ///< the agent that must make it: its key must belong to it, else 403
    std::string agent_id{};  ///< of the card
    std::string instance_id{};  ///< of drain and unregister
    Value started_at{};  ///< of drain and unregister
    std::map<std::string, std::string> conditions{};  ///< of find
    int most = 100;  ///< of find
};

/// Reads what a request is about. None: the place is not one of the registry. Throws Refused for 400, 404 and 405.
std::optional<Request> route(std::string_view method, std::string_view target);

struct Body {
    bool has_card = false;
    std::string instance_id{};
    double lease = 60;  ///< seconds
    Value started_at{};  ///< of a beat
    std::optional<bool> ready{};  ///< of a beat
};

/// Reads the body of `register`. Throws Refused for 400 and 415.
Body read(std::string_view content_type, std::string_view body);

/// A message that an agent refused.
struct RefusedMessage {
    std::string reason{};  ///< the database knows which there are
    Value claimed_org_id{};
    Value trace_id{};
};

/// Reads the body of `refused`. Throws Refused for 400 and 415.
RefusedMessage read_refused(std::string_view content_type, std::string_view body);

/// A search is answered from memory for at most 5 seconds, and asked anew if the feed has a row about one of its agents,
/// for example a block. Agents that come and go have no rows, so a search may show them 5 seconds late.
class Registry {
  public:
    /// `query` runs one statement, committed, on the primary, from any thread. The verifier must follow the feed.
    Registry(Verifier::Query query, Verifier const &verifier) : m_query(std::move(query)), m_verifier(verifier) {}

    /// Answers a request. `decision`: of the key, which belongs to `request.own` if that is given; the organization comes
    /// from it, never from the request. Throws a QueryError if the database cannot be asked: then 503.
    Answer answer(Request const &request, Decision const &decision, std::string_view content_type = {},
                  std::string const &body = {});

  private:
    using Question = std::vector<Value>;  ///< the organization, then the conditions
    using Entries = std::shared_ptr<Rows const>;
    struct Result {
        Entries rows{};
        Clock::time_point until{};
        std::uint64_t asked = 0;  ///< the number of the last read of the feed when the gateway asked
        std::vector<std::size_t> places{};  ///< of its agents and their organization, in Changes
        std::size_t bytes = 0;
        std::list<Question>::iterator turn{};
    };

    Answer announce(Decision const &decision, std::string_view content_type, std::string const &body);
    Answer note_refused(Decision const &decision, std::string_view content_type, std::string const &body);
    Answer find(Request const &request, std::string const &org_id);
    Entries rows(Question const &question);
    void keep(Question const &question, Result result);
    void forget(std::string const &org_id);
    void drop(Question const &question);

    Verifier::Query m_query;
    Verifier const &m_verifier;
    std::mutex m_mutex{};  ///< of what follows
    std::map<Question, Result> m_kept{};
    std::list<Question> m_turns{};  ///< of the results, the longest unused first
    std::size_t m_bytes = 0;
    std::uint64_t m_forgotten = 0;  ///< how many times results were forgotten
};

}  // namespace gateway::registry
