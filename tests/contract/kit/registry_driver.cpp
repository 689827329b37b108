/// Lets a test drive registry.cpp: JSON lines on stdin and stdout, see README.md.

#include "registry.hpp"

#include <cstdlib>
#include <iostream>
#include <thread>

namespace {

using namespace gateway;
using nlohmann::json;

std::atomic<std::int64_t> queries = 0;

Connection connect() {
    Connection made(PQconnectdb("connect_timeout=5 tcp_user_timeout=5000"), PQfinish);
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

Verifier &verifier() {
    char const *const id = std::getenv("GATEWAY_ID");
    static Verifier one(query, connect, id == nullptr ? Value() : Value(id));
    return one;
}

/// The bytes of a text in which each character is one byte.
std::string bytes(std::string const &text) {
    std::string found;
    for (std::size_t at = 0; at < text.size(); ++at) {
        auto const byte = static_cast<unsigned char>(text[at]);
        found += byte < 0x80 ? text[at] : static_cast<char>((byte & 3) << 6 | (text[++at] & 0x3f));
    }
    return found;
}

json describe(registry::Request const &request) {
    json said{{"operation", request.operation}, {"own", request.own ? json(*request.own) : json()}};
    if (request.operation == "find") {
        said["conditions"] = request.conditions;
        said["conditions"]["most"] = request.most;
    } else if (request.operation == "card") {
        said["agent_id"] = request.agent_id;
    } else if (request.operation == "drain" || request.operation == "unregister") {
        said["instance_id"] = request.instance_id;
        said["started_at"] = request.started_at ? json(*request.started_at) : json();
    }
    return said;
}

json answer(json const &request) {
    std::string const op = request.at("op");
    if (op == "follow") {
        std::thread([] { verifier().follow(); }).detach();
        return json::object();
    }
    if (op == "hears") {
        return {{"hears", verifier().hears()}};
    }
    std::string const body = bytes(request.value("body", ""));
    std::string const type = request.contains("content_type") && request["content_type"].is_string()
                                 ? request["content_type"].get<std::string>()
                                 : "";
    if (op == "read") {
        auto const said = registry::read(type, body);
        return {{"has_card", said.has_card},
                {"instance_id", said.instance_id},
                {"lease", said.lease},
                {"started_at", said.started_at ? json(*said.started_at) : json()},
                {"ready", said.ready ? json(*said.ready) : json()}};
    }
    auto const asked =
        registry::route(request.at("method").get<std::string>(), request.at("target").get<std::string>());
    if (op == "route") {
        return {{"request", asked ? describe(*asked) : json()}};
    }
    static registry::Registry agents(query, verifier());
    Decision decision;
    decision.agent_id =
        request.contains("agent") && request["agent"].is_string() ? request["agent"].get<std::string>() : "";
    decision.org_id = request.at("org");
    queries = 0;
    auto const said = agents.answer(asked.value(), decision, type, body);
    return {
        {"status", said.status}, {"answer", json::parse(said.text)}, {"text", said.text}, {"queries", queries.load()}};
}

}  // namespace

int main() {
    for (std::string line; std::getline(std::cin, line);) {
        json said;
        try {
            said = answer(json::parse(line));
        } catch (registry::Refused const &refused) {
            said = json::parse(refused.answer.text);
            said["status"] = refused.answer.status;
            said["allow"] = refused.answer.allow.empty() ? json() : json(refused.answer.allow);
        } catch (std::exception const &error) {
            said = {{"error", error.what()}};
        }
        std::cout << said.dump() << std::endl;
    }
    std::quick_exit(0);
}
