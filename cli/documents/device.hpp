#pragma once

#include "cli/output/document.hpp"
#include "relay/devices/records.hpp"

namespace relay::cli {

/// Returns a device: the item of a list, and the beginning of the document about one.
Record device_record(Device const &device);
/// Returns a device for the columns of a list.
Device sample_device();

}  // namespace relay::cli
