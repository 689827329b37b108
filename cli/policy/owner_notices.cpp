#include "cli/policy/owner_notices.hpp"

namespace relay::cli {

std::vector<std::optional<OwnerName>> owners_to_tell(db::Database &database, DueRequest const &request) {
    std::vector<std::optional<OwnerName>> owners;
    DueRequest all = request;
    all.page = {.limit = std::nullopt};
    list_due_owners(database, all, [&](DueOwner const &due, ReadStamp const &) { owners.push_back(due.owner); });
    return owners;
}

DueRequest of_owner(DueRequest request, std::optional<OwnerName> const &owner) {
    request.which.owner = owner;
    request.which.unowned = !owner;
    return request;
}

OwnerNotice read_notice(db::Database &database, DueRequest const &request, std::optional<OwnerName> const &owner) {
    DueRequest all = of_owner(request, owner);
    all.page = {.limit = std::nullopt};
    OwnerNotice notice{.due = {.owner = owner}};
    notice.read = list_due_keys(database, all, [&](DueKey const &key, ReadStamp const &) {
                      if (notice.due.keys == 0) {
                          notice.due.first_at = key.at;
                      }
                      ++notice.due.keys;
                      notice.due.overdue += key.overdue ? 1 : 0;
                      if (notice.due.keys <= OwnerNotice::most_keys) {
                          notice.keys.push_back(key);
                      }
                  }).read;
    return notice;
}

std::string name_of(std::optional<OwnerName> const &owner) { return owner ? owner->text() : "agents without an owner"; }

}  // namespace relay::cli
