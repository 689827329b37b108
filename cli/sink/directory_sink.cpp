#include "cli/sink/directory_sink.hpp"

#include "cli/output/output.hpp"
#include "cli/sink/batch/owner_folder.hpp"
#include "cli/sink/leftover.hpp"
#include "cli/sink/sink_error.hpp"
#include "relay/crypto/random_ids.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

namespace relay::cli {
namespace {

constexpr mode_t folder_mode = S_IRWXU;

std::string parent_of(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) {
        path.pop_back();
    }
    auto const parent = std::filesystem::path(path).parent_path().string();
    return parent.empty() ? "." : parent;
}

bool exists(std::string const &path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 || errno != ENOENT;
}

void require_place(Folder const &folder) {
    require_trusted(folder, Harm::add);
    require_writable(folder);
}

std::string file_name_for(NewKey const &issued, SecretFormat format) {
    auto const stem = issued.agent != nullptr ? issued.agent->text() : issued.org.text() + ".admin-token";
    return stem + "." + std::string(extension_of(format));
}

}  // namespace

DirectorySink::DirectorySink(std::string path, bool replace, Rendering rendering, Output &output, GroupBy group_by)
    : m_path(std::move(path)),
      m_replace(replace),
      m_rendering(std::move(rendering)),
      m_output(output),
      m_group_by(group_by),
      m_destination("dir:" + m_path) {
    if (exists(m_path)) {
        m_folder = open_folder(m_path);
        require_place(*m_folder);
    } else {
        require_writable(*open_folder(parent_of(m_path)));
    }
}

void DirectorySink::open_or_make_folder() {
    if (m_folder) {
        return;
    }
    m_made_folder = ::mkdir(m_path.c_str(), folder_mode) == 0;
    if (!m_made_folder && errno != EEXIST) {
        throw sink_error("cannot create the folder " + m_path, errno);
    }
    // chmod by path, not by open(2): under umask 0777 the new folder cannot be opened before its mode is set.
    if (m_made_folder && ::chmod(m_path.c_str(), folder_mode) != 0) {
        throw sink_error("cannot make the folder " + m_path + " private", errno);
    }
    m_folder = open_folder(m_path);
    require_place(*m_folder);
    if (m_made_folder && !sync_folder(open_folder(parent_of(m_path))->fd.get())) {
        throw sink_error("cannot flush the parent folder of " + m_path, errno);
    }
}

void DirectorySink::settle(Judge const &judge) {
    if (!m_folder) {
        return;
    }
    for (auto const &entry : settle_folder(m_path, judge)) {
        if (!entry.error) {
            m_output.note(entry.message);
        } else if (entry.error->kind() == ErrorKind::sink) {
            // This file belongs to another run or was not made by us. It matters only if a secret of this run needs the
            // same name.
            m_output.detail(entry.message);
        } else {
            throw *entry.error;
        }
    }
}

void DirectorySink::announce(AgentId const &agent, OrgId const &org, std::optional<std::string> const &owner) {
    if (m_rendering.format != SecretFormat::k8s) {
        return;
    }
    auto const group = group_of(org, owner);
    auto const [names, is_new] = m_names.try_emplace(group);
    if (is_new && m_folder) {
        auto const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        FileDescriptor const fd(::openat(m_folder->fd.get(), group.empty() ? "." : group.c_str(), flags));
        if (fd.is_open()) {
            names->second.add_folder(fd.get());
        }
    }
    names->second.add(agent.text());
}

std::optional<std::string> DirectorySink::why_not(AgentId const &agent, OrgId const &org,
                                                  std::optional<std::string> const &owner) const {
    auto const names = m_names.find(group_of(org, owner));
    return names == m_names.end() ? std::nullopt : names->second.why_not(agent.text());
}

OperationId DirectorySink::prepare(NewKey const &issued) {
    if (issued.agent != nullptr) {
        announce(*issued.agent, issued.org, issued.owner);
        if (auto const reason = why_not(*issued.agent, issued.org, issued.owner)) {
            throw sink_refusal("no manifest can be made for agent " + issued.agent->text() + ": " + *reason,
                               "kubectl apply would leave one agent with the key of the other",
                               "choose another folder");
        }
    }
    auto content = render_secret(m_rendering, issued, Medium::program);
    auto const operation = operation_id_for(content.reveal());
    auto const group = group_of(issued.org, issued.owner);
    auto const name = file_name_for(issued, m_rendering.format);
    m_parts[group].prepared.push_back({.name = name, .content = std::move(content)});
    auto const around = m_path + (m_path.ends_with('/') ? "" : "/") + group + (group.empty() ? "" : "/");
    m_destination = ++m_prepared == 1 ? "file:" + around + name : "dir:" + m_path;
    return operation;
}

std::string DirectorySink::group_of(OrgId const &org, std::optional<std::string> const &owner) const {
    switch (m_group_by) {
        case GroupBy::none: break;
        case GroupBy::org: return org.text();
        case GroupBy::owner: return folder_of_owner(owner);
    }
    return {};
}

std::optional<std::string> DirectorySink::find(AgentId const &agent, OrgId const &org,
                                               std::optional<std::string> const &owner) const {
    auto const group = group_of(org, owner);
    auto const name =
        (group.empty() ? "" : group + "/") + agent.text() + "." + std::string(extension_of(m_rendering.format));
    return m_folder && status_at(m_folder->fd.get(), name) ? std::optional(name) : std::nullopt;
}

/// Opens or creates a subfolder of DIR, relative to DIR's descriptor and without following a symbolic link, which could
/// lead anywhere.
void DirectorySink::open_or_make_part(std::string const &name, Part &part) {
    if (name.empty()) {
        part.folder = m_folder;
        return;
    }
    auto const around = m_folder->fd.get();
    auto const path = m_folder->path_of(name);
    part.made_folder = ::mkdirat(around, name.c_str(), folder_mode) == 0;
    if (!part.made_folder && errno != EEXIST) {
        throw sink_error("cannot create the folder " + path, errno);
    }
    if (part.made_folder && ::fchmodat(around, name.c_str(), folder_mode, 0) != 0) {
        throw sink_error("cannot make the folder " + path + " private", errno);
    }
    FileDescriptor fd(::openat(around, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.is_open()) {
        throw sink_error("cannot open the folder " + path, errno,
                         "move it away: it must be a folder, not a symbolic link");
    }
    part.folder = std::make_shared<Folder const>(std::move(fd), path);
    require_place(*part.folder);
}

void DirectorySink::deliver() {
    open_or_make_folder();
    bool made_any = false;
    for (auto &[name, part] : m_parts) {
        open_or_make_part(name, part);
        made_any = made_any || part.made_folder;
        part.files.emplace(part.folder, m_replace).draft(std::exchange(part.prepared, {}), m_database_id);
    }
    flush_parts();
    for (auto &[name, part] : m_parts) {
        part.files->put_into_place();
    }
    if (made_any && !sync_folder(m_folder->fd.get())) {
        throw sink_error("cannot flush the folder " + m_path, errno);
    }
}

void DirectorySink::flush_parts() {
    bool const at_once = m_prepared >= SecretFiles::many && ::syncfs(m_folder->fd.get()) == 0;
    for (auto const &[name, part] : m_parts) {
        at_once ? part.files->confirm_flushed() : part.files->flush();
    }
}

void DirectorySink::committed() {
    std::exception_ptr first_failure;
    for (auto &[name, part] : m_parts) {
        try {
            if (auto const warning = part.files ? part.files->finish() : std::nullopt) {
                m_output.warn(*warning);
            }
        } catch (Error const &) {
            // The other keys are live, too, so their files are still put in place.
            first_failure = first_failure ? first_failure : std::current_exception();
        }
    }
    m_made_folder = false;
    forget();
    if (first_failure) {
        std::rethrow_exception(first_failure);
    }
}

void DirectorySink::rolled_back() noexcept {
    for (auto &[name, part] : m_parts) {
        if (part.files) {
            part.files->undo();
        }
        if (part.made_folder) {
            ::unlinkat(m_folder->fd.get(), name.c_str(), AT_REMOVEDIR);  // fails, as it should, if it is not empty
        }
    }
    forget();
    if (m_made_folder) {
        ::rmdir(m_path.c_str());  // likewise
        m_made_folder = false;
        m_folder.reset();
    }
}

void DirectorySink::left_unknown() noexcept { forget(); }

/// Closes the files that are still open, which releases their locks.
void DirectorySink::forget() noexcept {
    m_parts.clear();
    m_prepared = 0;
}

}  // namespace relay::cli
