#include "cli/sink/secret_files.hpp"

#include "cli/sink/sink_error.hpp"

#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <exception>

namespace relay::cli {
void SecretFiles::write(std::vector<NamedSecret> secrets, std::string const &database_id) {
    try {
        draft(std::move(secrets), database_id);
        m_files.size() >= many && ::syncfs(m_folder->fd.get()) == 0 ? confirm_flushed() : flush();
        put_into_place();
    } catch (...) {
        undo();
        throw;
    }
}

void SecretFiles::draft(std::vector<NamedSecret> secrets, std::string const &database_id) {
    m_files.reserve(secrets.size());
    for (NamedSecret &secret : secrets) {
        m_files.emplace_back(m_folder, std::move(secret.name), m_replace).draft(std::move(secret.content), database_id);
    }
}

void SecretFiles::flush() const {
    for (SecretFile const &file : m_files) {
        file.flush();
    }
}

void SecretFiles::confirm_flushed() const {
    for (SecretFile const &file : m_files) {
        file.confirm_flushed();
    }
}

void SecretFiles::put_into_place() {
    for (SecretFile &file : m_files) {
        file.put_into_place();
    }
    if (!sync_folder(m_folder->fd.get())) {
        throw sink_error("cannot flush the folder " + m_folder->path, errno);
    }
}

std::optional<std::string> SecretFiles::finish() {
    std::exception_ptr first_failure;
    for (SecretFile &file : m_files) {
        try {
            file.finish_unflushed();
        } catch (Error const &) {
            // The other keys are live, too, so their files are still put in place.
            first_failure = first_failure ? first_failure : std::current_exception();
        }
    }
    auto const error_number = m_files.empty() || sync_folder(m_folder->fd.get()) ? 0 : errno;
    m_files.clear();
    if (first_failure) {
        std::rethrow_exception(first_failure);
    }
    if (error_number != 0) {
        return "the folder " + m_folder->path + " could not be flushed to disk: " + std::strerror(error_number);
    }
    return std::nullopt;
}

void SecretFiles::undo() noexcept {
    for (SecretFile &file : m_files) {
        file.undo_unflushed();
    }
    if (!m_files.empty()) {
        sync_folder(m_folder->fd.get());
    }
    m_files.clear();
}

}  // namespace relay::cli
