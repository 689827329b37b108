#pragma once

#include "relay/db/database.hpp"
#include "relay/devices/records.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/page.hpp"

#include <vector>

/// Devices of people. The functions of the contract make them (schema/0029_pairing.sql); the program shows and ends them.
namespace relay {

struct ListDevices {
    std::optional<AgentId> agent{};
    std::optional<OrgId> org{};
    std::optional<DeviceStatus> status{};
    bool not_ended = false;  ///< neither revoked nor expired
    PageRequest page{};
};
/// Returns the fields that `page.sort` can name.
std::vector<std::string> device_sort_fields();
/// Throws Error: not_found, no such agent or organization.
ListEnd list_devices(db::Database &database, ListDevices const &request, EachItem<Device> const &each);

struct DeviceDetails {
    Device device;
    std::vector<Standing> standing{};  ///< of the device, its agent and its organization
    std::vector<Event> events{};  ///< newest first; with attempts that had a wrong token
    Instant at{};
    std::string db_role{};
};
/// Returns everything about a device, with its last `events`. Throws Error: not_found, with similar ids.
DeviceDetails show_device(db::Database &database, DeviceId const &device, int events);

}  // namespace relay
