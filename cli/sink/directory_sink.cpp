#include "cli/sink/directory_sink.hpp"

#include "cli/output/output.hpp"
#include "cli/sink/leftover.hpp"
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

/// Whoever can write to the folder could put a file of his own under an agent's name.
void require_private(Folder const &folder) {
    struct stat status {};
    if (::fstat(folder.fd.get(), &status) != 0) {
        throw sink_error("cannot look at the folder " + folder.path, errno);
    }
    if (status.st_uid != ::geteuid() && status.st_uid != 0) {
        throw sink_refusal(
            "the folder " + folder.path + " belongs to another user (uid " + std::to_string(status.st_uid) + ")",
            "its owner could exchange the files in it", "name a folder of your own");
    }
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        throw sink_refusal("other users may write to the folder " + folder.path, "they could exchange the files in it",
                           "chmod go-w " + folder.path + ", or name a folder that does not exist yet");
    }
    require_writable(folder);
}

std::string file_name_for(IssuedKey const &issued, SecretFormat format) {
    auto const stem = issued.agent != nullptr ? issued.agent->text() : issued.org.text() + ".admin-token";
    return stem + "." + std::string(extension_of(format));
}

}  // namespace

DirectorySink::DirectorySink(std::string path, bool replace, Rendering rendering, Output &output)
    : m_path(std::move(path)),
      m_replace(replace),
      m_rendering(std::move(rendering)),
      m_output(output),
      m_destination("dir:" + m_path) {
    if (exists(m_path)) {
        m_folder = open_folder(m_path);
        require_private(*m_folder);
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
        throw sink_error("cannot make the folder " + m_path, errno);
    }
    // Not by way of open(2): under umask 0777 the new folder cannot be opened before its mode is set.
    if (m_made_folder && ::chmod(m_path.c_str(), folder_mode) != 0) {
        throw sink_error("cannot make the folder " + m_path + " private", errno);
    }
    m_folder = open_folder(m_path);
    require_private(*m_folder);
    if (m_made_folder && !sync_folder(open_folder(parent_of(m_path))->fd.get())) {
        throw sink_error("cannot flush the folder around " + m_path, errno);
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
            // Another run's, or somebody else's: only in the way if a secret of ours is to have that very name.
            m_output.detail(entry.message);
        } else {
            throw *entry.error;
        }
    }
}

OperationId DirectorySink::prepare(IssuedKey const &issued) {
    auto content = render_secret(m_rendering, issued, Audience::program);
    auto const operation = operation_id_for(content.reveal());
    m_database_id = issued.database_id;
    m_prepared.push_back({.name = file_name_for(issued, m_rendering.format), .content = std::move(content)});
    if (m_prepared.size() == 1) {
        m_destination = "file:" + m_path + (m_path.ends_with('/') ? "" : "/") + m_prepared.front().name;
    } else {
        m_destination = "dir:" + m_path;
    }
    return operation;
}

void DirectorySink::deliver() {
    open_or_make_folder();
    m_files.emplace(m_folder, m_replace);
    m_files->write(std::exchange(m_prepared, {}), m_database_id);
}

void DirectorySink::committed() {
    m_prepared.clear();
    m_made_folder = false;
    if (m_files) {
        if (auto const warning = m_files->finish()) {
            m_output.warn(*warning);
        }
        m_files.reset();
    }
}

void DirectorySink::rolled_back() noexcept {
    m_prepared.clear();
    if (m_files) {
        m_files->undo();
        m_files.reset();
    }
    if (m_made_folder) {
        ::rmdir(m_path.c_str());  // fails, as it should, if another run put something in it
        m_made_folder = false;
        m_folder.reset();
    }
}

void DirectorySink::left_unknown() noexcept {
    m_prepared.clear();
    m_files.reset();
}

}  // namespace relay::cli
