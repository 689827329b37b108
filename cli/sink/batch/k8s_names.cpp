#include "cli/sink/batch/k8s_names.hpp"

#include "cli/posix/files.hpp"
#include "cli/sink/format.hpp"
#include "cli/sink/k8s.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <memory>

namespace relay::cli {

void K8sNames::add(std::string const &agent) {
    if (can_name_k8s(agent)) {
        m_agents[k8s_name_for(agent)].insert(agent);
    }
}

void K8sNames::add_folder(int folder) {
    FileDescriptor fd(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    auto const close = [](DIR *open) { ::closedir(open); };
    std::unique_ptr<DIR, decltype(close)> const entries(fd.is_open() ? ::fdopendir(fd.get()) : nullptr, close);
    if (!entries) {
        return;  // a folder that cannot be read cannot be written either, which is reported elsewhere
    }
    fd.release();
    std::string const ending = "." + std::string(extension_of(SecretFormat::k8s));
    while (dirent const *const entry = ::readdir(entries.get())) {
        std::string const name = entry->d_name;
        if (name.ends_with(ending)) {
            add(name.substr(0, name.size() - ending.size()));
        }
    }
}

std::optional<std::string> K8sNames::why_not(std::string const &agent) const {
    auto const found = can_name_k8s(agent) ? m_agents.find(k8s_name_for(agent)) : m_agents.end();
    if (found == m_agents.end()) {
        return std::nullopt;
    }
    auto const other = std::find_if(found->second.begin(), found->second.end(),
                                    [&](std::string const &known) { return known != agent; });
    if (other == found->second.end()) {
        return std::nullopt;
    }
    return "its Kubernetes name " + found->first + " is also that of agent " + *other +
           ": issue one of them into another place, or with --k8s-name";
}

}  // namespace relay::cli
