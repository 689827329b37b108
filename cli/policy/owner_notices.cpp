#include "cli/policy/owner_notices.hpp"

namespace relay::cli {

namespace {

OwnerNotice read_notice(db::Database &database, DueRequest request, DueOwner const &owner) {
    request.which.owner = owner.owner;
    request.which.unowned = !owner.owner;
    request.page = {.limit = OwnerNotice::most_keys};
    OwnerNotice notice{.due = owner};
    notice.read = list_due_keys(database, request, [&](DueKey const &key, ReadStamp const &) {
                      notice.keys.push_back(key);
                  }).read;
    return notice;
}

}  // namespace

void for_each_owner(db::Database &database, DueRequest const &request,
                    std::function<void(OwnerNotice const &)> const &use) {
    std::vector<DueOwner> owners;
    DueRequest all = request;
    all.page = {.limit = std::nullopt};
    list_due_owners(database, all, [&](DueOwner const &owner, ReadStamp const &) { owners.push_back(owner); });
    for (DueOwner const &owner : owners) {
        OwnerNotice const notice = read_notice(database, request, owner);
        if (!notice.keys.empty()) {  // all may have been rotated since
            use(notice);
        }
    }
}

}  // namespace relay::cli
