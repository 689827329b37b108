#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/device.hpp"
#include "cli/output/redraw.hpp"
#include "relay/devices/devices.hpp"

#include <memory>

namespace relay::cli::device_list_command {

namespace {

struct Options {
    std::optional<std::string> agent{};
    std::optional<std::string> org{};
    std::optional<std::string> state{};
    PageOptions page{};
};

ExitStatus run(Options const &options, Context &context) {
    ListDevices request{
        .status = from_optional_text<DeviceStatus>(options.state),
        .not_ended = !options.state && !options.page.all,
        .page = page_request(options.page, device_sort_fields()),
    };
    if (options.agent) {
        request.agent = AgentId::parse(*options.agent);
    }
    if (options.org) {
        request.org = OrgId::parse(*options.org);
    }
    browse_list(context, options.page.view, "DeviceList", "device_id", sample_device(), device_record,
                [&](EachItem<Device> const &each) { return list_devices(context.database(), request, each); });
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_org_flag(set, "only devices of this organization", options->org);
    add_agent_flag(set, "only devices of this agent", options->agent);
    add_choice(set, {.names = "--state", .description = "only devices in this state"}, all_texts<DeviceStatus>(),
               options->state);
    declare_page(set, device_sort_fields(), options->page);
    return [options](Context &context) {
        return redraw(context, options->page.view.watch, [&] { return run(*options, context); });
    };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "device list",
    .summary = "list the devices of people",
    .doc =
        R"(Lists the devices that people have paired with agents, in order of their ids. It leaves out revoked and expired ones.
--all also lists these, and --state lists the devices in one state.

The status is what a gateway would decide: active devices are accepted; blocked, revoked and expired ones are refused. A
device is also blocked or revoked if its agent or organization is. It expires if its owner does not use it
while its refresh token lives. Then it must be paired again. The name is the one that the owner gave it.

The command shows at most 1000 devices. In JSON, "next" is the cursor for --after (null at the end, and in a sorted
list). It also works on a standby.

Exit 0: listed, even if the list is empty. 3: no such agent or organization.

EXAMPLES
  relay-admin device list --agent payments
  relay-admin device list --org acme-corp --state blocked
  # those that were not used for longest first
  relay-admin device list --sort seen_at --fields device_id,name,seen_at
  relay-admin device list --all -o csv
)",
    .declare = declare,
};

}  // namespace relay::cli::device_list_command
