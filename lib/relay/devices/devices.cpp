#include "relay/devices/devices.hpp"

#include "relay/devices/devices_sql.hpp"
#include "relay/identity/agents_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/read_list.hpp"
#include "relay/identity/revocations_sql.hpp"
#include "relay/identity/use_case.hpp"

namespace relay {

std::vector<std::string> device_sort_fields() { return sql::device_sort_fields(); }

ListEnd list_devices(db::Database &database, ListDevices const &request, EachItem<Device> const &each) {
    auto const open = [&](db::Transaction &transaction) {
        if (request.agent) {
            sql::get_agent(transaction, *request.agent);
        }
        if (request.org) {
            sql::get_org(transaction, *request.org);
        }
        return sql::list_devices(transaction, {.agent = request.agent,
                                               .org = request.org,
                                               .status = request.status,
                                               .not_ended = request.not_ended,
                                               .after = request.page.after,
                                               .sort = request.page.sort,
                                               .limit = request.page.one_more()});
    };
    return read_list(
        database, request.page, open, [](Device const &device) { return device.device_id.text(); }, each);
}

DeviceDetails show_device(db::Database &database, DeviceId const &device, int events) {
    return database.transact(reading(), [&](db::Transaction &transaction) {
        DeviceDetails result{.device = sql::get_device(transaction, device)};
        result.standing =
            sql::standing_for(transaction, {result.device.device_id, result.device.agent_id, result.device.org_id})
                .get();
        if (events > 0) {
            result.events = sql::last_events(transaction, device, events).get();
        }
        result.at = transaction.now();
        result.db_role = transaction.db_role();
        return result;
    });
}

}  // namespace relay
