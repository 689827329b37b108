#pragma once

#include "relay/db/order_by.hpp"
#include "relay/db/row_stream.hpp"
#include "relay/db/transaction.hpp"
#include "relay/devices/records.hpp"
#include "relay/identity/records.hpp"

namespace relay::sql {

/// Throws Error (not_found), with similar ids.
Device get_device(db::Transaction &transaction, DeviceId const &id);

struct DeviceFilter {
    std::optional<AgentId> agent{};
    std::optional<OrgId> org{};
    std::optional<DeviceStatus> status{};
    bool not_ended = false;  ///< neither revoked nor expired
    std::optional<std::string> after{};
    std::vector<SortField> sort{};
    std::optional<std::int64_t> limit{};
};
/// Returns the fields that devices can be sorted by.
std::vector<std::string> device_sort_fields();
/// Returns devices in order of `sort`, then of id.
db::Stream<Device> list_devices(db::Transaction &transaction, DeviceFilter const &filter);

/// Returns how many devices of an agent are neither revoked nor expired.
std::int64_t count_devices(db::Transaction &transaction, AgentId const &agent);

/// Returns the last events of a device, newest first.
db::Pending<std::vector<Event>> last_events(db::Transaction &transaction, DeviceId const &device, int count);

}  // namespace relay::sql
