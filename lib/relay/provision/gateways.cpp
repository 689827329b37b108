#include "relay/provision/gateways.hpp"

#include "relay/provision/issuing.hpp"
#include "relay/store/gateways.hpp"

#include <algorithm>
#include <thread>

namespace relay {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds first_pause = 5ms;
constexpr std::chrono::milliseconds longest_pause = 100ms;

std::vector<store::GatewayAck> read(db::Database &database, std::optional<store::FeedPlace> const &place) {
    std::vector<store::GatewayAck> acks;
    database.transact(reading(), [&](db::Transaction &transaction) { acks = store::acknowledged(transaction, place); });
    return acks;
}

}  // namespace

Page<Gateway> list_gateways(db::Database &database) {
    Page<Gateway> page;
    database.transact(reading(), [&](db::Transaction &transaction) {
        page.items = store::list_gateways(transaction);
        page.at = transaction.now();
        page.db_role = transaction.db_role();
    });
    return page;
}

GatewayWait wait_for_gateways(db::Database &database, std::string const &kind, std::vector<std::string> const &ids,
                              Clock::time_point since, std::chrono::milliseconds patience) {
    GatewayWait wait;
    std::optional<store::FeedPlace> place;
    std::vector<store::GatewayAck> acks;
    database.transact(reading(), [&](db::Transaction &transaction) {
        place = store::last_shut_out(transaction, kind, ids);
        acks = store::acknowledged(transaction, place);
    });
    for (store::GatewayAck const &ack : acks) {
        if (ack.live) {
            wait.live.push_back(ack.gateway_id);
        }
    }
    for (auto pause = first_pause;; pause = std::min(pause * 2, longest_pause)) {
        wait.missing = wait.live;
        for (store::GatewayAck const &ack : acks) {
            if (ack.has_it) {
                std::erase(wait.missing, ack.gateway_id);
            }
        }
        wait.took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - since);
        if (wait.missing.empty() || wait.took >= patience) {
            return wait;
        }
        std::this_thread::sleep_for(std::min(pause, patience - wait.took));
        acks = read(database, place);
    }
}

}  // namespace relay
