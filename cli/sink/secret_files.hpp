#pragma once

#include "cli/sink/secret_file.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace relay::cli {

struct NamedSecret {
    std::string name;  ///< of the file, without a slash
    SecretBuffer content;
};

/// Secrets in files of one folder, each by the protocol of SecretFile, made durable together: every NAME.new is on the disk before the first gets
/// its name, and every name before write() ends. Of many files the whole file system is flushed once (syncfs): a flush of each costs five times
/// as much, while for a few the dirty pages of others would be waited for.
/// Each file stays open until the verdict, since it is locked.
class SecretFiles {
  public:
    SecretFiles(std::shared_ptr<Folder const> folder, bool replace) : m_folder(std::move(folder)), m_replace(replace) {}

    /// As SecretFile::write. On failure takes back all of them and throws Error (sink).
    void write(std::vector<NamedSecret> secrets, std::string const &database_id);
    /// As SecretFile::finish. One that cannot be put in place does not stop the others; the first such Error is thrown at the end.
    std::optional<std::string> finish();
    void undo() noexcept;
    void keep() noexcept { m_files.clear(); }

  private:
    void flush() const;

    std::shared_ptr<Folder const> m_folder;
    bool m_replace;
    std::vector<SecretFile> m_files{};
};

}  // namespace relay::cli
