#include "relay/identity/rotate_key.hpp"

#include "relay/identity/deliver_then_commit.hpp"
#include "relay/identity/rotation.hpp"
#include "relay/identity/use_case.hpp"

namespace relay {

RotatedKey rotate_key(db::Database &database, RotateKey const &request, WriteOptions const &options,
                      KeyDelivery *delivery) {
    if (delivery == nullptr && request.own_key == nullptr) {
        throw Error(ErrorKind::usage, "rotate_key needs a delivery for the key that it generates");
    }
    RotatedKey result;
    DeliverThenCommit delivery_commit(delivery, options, request.own_key != nullptr, end_of_old(request));
    std::optional<ApiKey> const generated =
        request.own_key != nullptr ? std::nullopt : std::optional(ApiKey::generate(KeyType::agent));
    ApiKey const &new_key = generated ? *generated : *request.own_key;
    delivery_commit.run(database, writing(options), [&](db::Transaction &transaction) {
        RotationDone done = rotate_in(
            transaction, {.request = request,
                          .new_key = new_key,
                          .by = options.by,
                          .staging = delivery_commit.staging(),
                          .end = delivery_commit.end_of_old(),
                          .prepare = [&](OrgId const &org) {
                              return delivery_commit.prepare({.org = org, .agent = &request.agent, .key = new_key});
                          }});
        result = std::move(done.rotated);
        note_who(result, transaction);
        if (done.has_new_key) {
            delivery_commit.deliver(transaction);
        } else if (!result.changed) {
            transaction.nothing_to_do();
        }
    });
    result.delivered_to = delivery_commit.destination();
    if (auto const &confirmed = delivery_commit.confirmed()) {
        result.key = confirmed->key;
        result.previous = confirmed->previous;
        result.ended.insert(result.ended.end(), confirmed->ended.begin(), confirmed->ended.end());
    }
    return result;
}

}  // namespace relay
