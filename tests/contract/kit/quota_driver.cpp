/// Lets a test drive quota.cpp: JSON lines on stdin and stdout, see README.md.

#include "quota.hpp"

#include <cstdlib>
#include <iostream>

namespace {

using namespace gateway;
using nlohmann::json;

std::atomic<std::int64_t> queries = 0;
std::mutex errors_mutex;
json errors = json::array();

/// Runs a statement on the connection of this thread; after an error, the next call makes a new connection.
Rows query(char const *sql, std::vector<Value> const &arguments) {
    ++queries;
    thread_local Connection connection(nullptr, PQfinish);
    if (!connection || PQstatus(connection.get()) != CONNECTION_OK) {
        connection.reset(PQconnectdb("connect_timeout=5 tcp_user_timeout=5000"));
    }
    if (PQstatus(connection.get()) != CONNECTION_OK) {
        throw std::runtime_error(PQerrorMessage(connection.get()));
    }
    return run(connection.get(), sql, arguments);
}

Clock::duration duration(double seconds) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

Quota &quota() {
    static Quota one(query, {.blocks = {{"ai_tokens", 10'000}},
                             .idle = duration(std::stod(std::getenv("IDLE"))),
                             // It fails after its work, as a full log does: that must end nothing.
                             .on_error = [](std::string const &error) {
                                 std::lock_guard const lock(errors_mutex);
                                 errors.push_back(error);
                                 throw std::runtime_error("the log is full");
                             }});
    return one;
}

/// Returns the last answer, with how many calls were accepted, refused and failed.
json spend(json const &request) {
    json said{{"accepted", 0}, {"refused", 0}, {"failed", 0}};
    auto const count = [&](char const *what) { said[what] = said[what].get<int>() + 1; };
    for (int n = 0; n < request.value("times", 1); ++n) {
        try {
            auto const last = quota().spend(request.value("org", "acme"), request.value("meter", "messages"),
                                            request.value("amount", std::int64_t(1)));
            count(last.ok ? "accepted" : "refused");
            said.update({{"ok", last.ok},
                         {"reason", last.reason},
                         {"remaining", last.remaining ? json(*last.remaining) : json()},
                         {"retry_after", last.retry_after.count()},
                         {"day", last.day}});
        } catch (std::exception const &error) {
            count("failed");
            said["error_text"] = error.what();
        }
    }
    return said;
}

/// Several threads that spend at the same time; the sums of their answers.
json crowd(json const &request) {
    std::vector<std::future<json>> all;
    for (int n = 0; n < request.at("callers"); ++n) {
        all.push_back(std::async(std::launch::async, [&] { return spend(request); }));
    }
    json said{{"accepted", 0}, {"refused", 0}, {"failed", 0}};
    for (std::future<json> &one : all) {
        json const answer = one.get();
        for (auto &[name, number] : said.items()) {
            number = number.get<int>() + answer.at(name).get<int>();
        }
    }
    return said;
}

json answer(json const &request) {
    std::string const op = request.at("op");
    if (op == "spend") {
        return spend(request);
    }
    if (op == "crowd") {
        return crowd(request);
    }
    if (op == "give") {
        quota().give(request.value("org", "acme"), request.value("meter", "messages"), request.at("amount"),
                     request.at("day"));
    } else if (op == "close") {
        quota().close(duration(request.at("limit")));
    } else {
        std::lock_guard const lock(errors_mutex);
        return {{"queries", queries.exchange(0)}, {"errors", errors}};
    }
    return json::object();
}

}  // namespace

int main() {
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
