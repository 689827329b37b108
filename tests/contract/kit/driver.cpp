/// Lets a test drive verifier.cpp: JSON lines on stdin and stdout, see README.md.

#include "nonces.hpp"
#include "rates.hpp"
#include "uses.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <iostream>
#include <locale>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace {

using namespace gateway;
using namespace std::chrono_literals;
using nlohmann::json;

/// The numbers of a gateway in another locale: 1.234,5.
class German : public std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
};

std::atomic<std::int64_t> queries = 0;

std::int64_t monotonic() { return Clock::now().time_since_epoch() / std::chrono::nanoseconds(1); }

/// Connects to the database that the PG* variables name; `more`: further keywords.
Connection connect(std::string const &more = "") {
    Connection made(PQconnectdb(("connect_timeout=5 tcp_user_timeout=5000 " + more).c_str()), PQfinish);
    if (PQstatus(made.get()) != CONNECTION_OK) {
        throw std::runtime_error(PQerrorMessage(made.get()));
    }
    return made;
}

/// Runs a statement on the connection of this thread; after an error, the next call makes a new connection.
Rows query(char const *sql, std::vector<Value> const &arguments) {
    ++queries;
    thread_local Connection connection(nullptr, PQfinish);
    if (!connection || PQstatus(connection.get()) != CONNECTION_OK) {
        connection = connect();
    }
    return run(connection.get(), sql, arguments);
}

/// Connects to FEED_HOST, if it is set: the other connections go through a pooler.
Connection connect_feed() {
    char const *const host = std::getenv("FEED_HOST");
    return connect(host == nullptr ? "" : std::string("host=") + host + " port=" + std::getenv("FEED_PORT"));
}

/// Runs a statement on a new connection, to PRIMARY_HOST if it is set: the other connections go to a standby.
Rows query_primary(char const *sql, std::vector<Value> const &arguments) {
    char const *const host = std::getenv("PRIMARY_HOST");
    return run(
        connect(host == nullptr ? "" : std::string("host=") + host + " port=" + std::getenv("PRIMARY_PORT")).get(), sql,
        arguments);
}

Clock::duration duration(double seconds) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

/// REPORT_INTERVAL: seconds; not set: the gateway does not report.
std::shared_ptr<Uses> make_uses() {
    char const *const seconds = std::getenv("REPORT_INTERVAL");
    return seconds == nullptr
               ? nullptr
               : std::make_shared<Uses>(query_primary, Uses::Options{.interval = duration(std::stod(seconds)),
                                                                     .most = std::stoul(std::getenv("MOST_ENTRIES"))});
}

auto const uses = make_uses();

Verifier &verifier() {
    char const *const name = std::getenv("GATEWAY_ID");
    static Verifier one(query, connect_feed, name == nullptr ? Value() : Value(name), uses);
    return one;
}

Rates &rates() {
    char const *const name = std::getenv("GATEWAY_ID");
    static Rates one(query_primary, name == nullptr ? "gateway" : name);
    return one;
}

Nonces &nonces() {
    static Nonces one(query_primary);
    return one;
}

/// Checks one key again and again, in several threads.
class Agent {
  public:
    Agent() {
        for (int n = 0; n < 2; ++n) {
            std::thread([this] { work(); }).detach();
        }
    }

    void use(Value const &key) {
        std::unique_lock lock(m_mutex);
        m_key.reset();
        m_changed.wait(lock, [this] { return m_under_way == 0; });
        m_key = key;
        m_changed.notify_all();
    }

    json report() {
        std::lock_guard const lock(m_mutex);
        json const said{{"accepted", m_accepted}, {"refused", m_refused}, {"last", m_last ? json(*m_last) : json()}};
        m_accepted = 0;
        m_refused.clear();
        return said;
    }

  private:
    [[noreturn]] void work() {
        while (true) {
            std::unique_lock lock(m_mutex);
            m_changed.wait(lock, [this] { return m_key.has_value(); });
            std::string const key = *m_key;
            ++m_under_way;
            lock.unlock();
            std::string const reason = check(key);
            lock.lock();
            --m_under_way;
            if (reason == "ok") {
                ++m_accepted;
                m_last = monotonic();
            } else {
                m_refused.insert(reason);
            }
            m_changed.notify_all();
            lock.unlock();
            std::this_thread::sleep_for(std::chrono::milliseconds(reason == "ok" ? 1 : 20));
        }
    }

    static std::string check(std::string const &key) {
        try {
            return verifier().check(key)->reason;
        } catch (std::exception const &error) {
            return error.what();  // not accepted, either
        }
    }

    std::mutex m_mutex{};
    std::condition_variable m_changed{};
    Value m_key{};
    int m_under_way = 0;
    std::int64_t m_accepted = 0;
    std::set<std::string> m_refused{};
    std::optional<std::int64_t> m_last{};
};

std::mutex ended_mutex;
json ended = json::object();
std::map<std::string, Agent> agents;

json describe(Decision const &decision) {
    json said{{"ok", decision.ok}, {"reason", decision.reason}};
    if (decision.reason == "malformed") {
        return said;
    }
    for (char const *name : {"org_id", "agent_id", "permissions", "expires_at", "conditions"}) {
        said[name] = nullptr;
    }
    if (decision.ok) {
        said["org_id"] = decision.org_id;
        said["agent_id"] = decision.agent_id;
        said["permissions"] = decision.permissions;
        said["expires_at"] = decision.expires_at ? json(*decision.expires_at) : json();
        said["conditions"] = decision.conditions.empty() ? json() : decision.conditions;
    }
    return said;
}

Claims claims_of(json const &request) {
    auto const claim = [&](char const *name) {
        return request.contains(name) && request.at(name).is_string() ? Value(request.at(name)) : Value();
    };
    return {claim("agent_id"), claim("org_id"), claim("ip"), claim("trace_id")};
}

json parse_text(json const &request) {
    auto const parsed = parse(request.at("text").get<std::string>());
    if (!parsed) {
        return {{"valid", false}};
    }
    std::string digest;
    for (unsigned char const byte : parsed->digest.bytes) {
        digest += "0123456789abcdef"[byte >> 4];
        digest += "0123456789abcdef"[byte & 15];
    }
    return {{"valid", true}, {"key_id", parsed->key_id}, {"digest", digest}};
}

json ask(json const &request) {
    auto const parsed = parse(request.at("key").get<std::string>());
    return parsed ? describe(*verifier().ask(*parsed, claims_of(request))) : describe({});
}

json permit(json const &request) {
    Shared const decision = verifier().check(request.at("key").get<std::string>(), claims_of(request));
    Granted const granted = verifier().permit(*decision, request.at("permission"));
    return {{"granted", granted ? json(*granted) : json()}};
}

json hold(json const &request) {
    auto const end = std::make_shared<std::function<void()>>([name = request.at("name").get<std::string>()] {
        std::lock_guard const lock(ended_mutex);
        ended[name] = monotonic();
    });
    return describe(*verifier().hold(request.at("key").get<std::string>(), end));
}

std::vector<std::future<std::string>> crowd;

json begin(json const &request) {
    for (int n = 0; n < request.at("callers"); ++n) {
        crowd.push_back(
            std::async(std::launch::async, [key = request.at("key").get<std::string>(), claims = claims_of(request)] {
                return verifier().check(key, claims)->reason;
            }));
    }
    return json::object();
}

json finish() {
    std::multiset<std::string> reasons;
    for (std::future<std::string> &one : std::exchange(crowd, {})) {
        reasons.insert(one.get());
    }
    return {{"reasons", reasons}};
}

json flood(json const &request) {
    for (int n = 0; n < request.at("addresses"); ++n) {
        std::ostringstream ip;
        ip.imbue(std::locale::classic());
        ip << "2001:db8::" << std::hex << n;
        verifier().check(request.at("key").get<std::string>(), {.ip = ip.str()});
    }
    return json::object();
}

json rate(json const &request) {
    std::optional<int> wait;
    int refused = 0;
    for (int n = 0; n < request.at("calls"); ++n) {
        wait = rates().refuse(*verifier().check(request.at("key").get<std::string>()));
        refused += wait ? 1 : 0;
    }
    return {{"refused", refused}, {"retry_after", wait ? json(*wait) : json()}};
}

json nonce(json const &request) {
    json const &given = request.at("nonce");
    return {{"reason", nonces().use(*verifier().check(request.at("key").get<std::string>()),
                                    given.is_null() ? std::nullopt : std::optional(given.get<std::string>()),
                                    request.at("signed_at").get<std::string>())}};
}

json count(json const &request) {
    for (int n = 0; n < request.at("keys"); ++n) {
        uses->count("unknown-" + std::to_string(n), "192.0.2.1");
    }
    return json::object();
}

json status() {
    auto const [lost, waiting, failures, last_error, last_success] = uses->status();
    return {{"lost", lost},
            {"waiting", waiting},
            {"failures", failures},
            {"last_error", last_error},
            {"last_success", last_success ? json(last_success->time_since_epoch() / 1.0s) : json()}};
}

json close(json const &request) {
    uses->close(duration(request.at("limit")));
    return status();
}

json report() {
    std::lock_guard const lock(ended_mutex);
    json said{{"agents", json::object()}, {"ended", ended}, {"queries", queries.exchange(0)}};
    for (auto &[name, agent] : agents) {
        said["agents"][name] = agent.report();
    }
    return said;
}

json answer(json const &request) {
    std::string const op = request.at("op");
    if (op == "use") {
        agents[request.at("agent")].use(request.at("key").is_null() ? Value() : Value(request.at("key")));
    } else if (op == "follow") {
        std::thread([] { verifier().follow(); }).detach();
    } else {
        return op == "parse"    ? parse_text(request)
               : op == "ask"    ? ask(request)
               : op == "check"  ? describe(*verifier().check(request.at("key").get<std::string>(), claims_of(request)))
               : op == "flood"  ? flood(request)
               : op == "count"  ? count(request)
               : op == "rate"   ? rate(request)
               : op == "nonce"  ? nonce(request)
               : op == "close"  ? close(request)
               : op == "status" ? status()
               : op == "permit" ? permit(request)
               : op == "hold"   ? hold(request)
               : op == "begin"  ? begin(request)
               : op == "finish" ? finish()
                                : report();
    }
    return json::object();
}

}  // namespace

int main() {
    std::locale::global(std::locale(std::locale(), new German));
    for (std::string line; std::getline(std::cin, line);) {
        json said;
        try {
            said = answer(json::parse(line));
        } catch (std::exception const &error) {
            said = {{"error", error.what()}};
        }
        std::cout << said.dump() << std::endl;
    }
    std::quick_exit(0);
}
