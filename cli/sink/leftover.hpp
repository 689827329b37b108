#pragma once

#include "cli/sink/secret_file.hpp"
#include "cli/sink/sink.hpp"

#include <optional>
#include <string>
#include <vector>

namespace relay::cli {

/// What became of a FILE.new that a killed run left.
enum class Settled {
    nothing,  ///< there was no such file
    finished,  ///< its secret is live, and is in FILE now
    removed,  ///< its secret is not live and never will be
};

/// The kind of an unfinished file: NAME.new becomes NAME, NAME.batch is appended to it.
enum class Unfinished { file, batch };

/// Settles NAME.new in the folder: finishes it if `judge` says done, removes it if aborted. Changes nothing before the
/// verdict. Throws Error (sink) if the file is in use by another run, was not made by this program, belongs to another
/// database or is not a regular file, or if NAME cannot take it; and whatever `judge` throws.
Settled settle_in(Folder const &folder, std::string const &name, Judge const &judge,
                  Unfinished kind = Unfinished::file);

/// As settle_in, for the FILE.new that belongs to `path`; reports on stderr what was found and done. Returns whether
/// there was one.
bool settle_leftover(std::string const &path, Judge const &judge, Output &output);

/// One FILE.new or FILE.batch of a folder.
struct FolderEntry {
    std::string path;  ///< of FILE.new
    Settled settled = Settled::nothing;
    std::string message{};  ///< what was found and done, for people
    std::optional<Error> error{};  ///< why it was not changed
};

/// Settles every *.new and *.batch of a folder, and of the private folders in it (--group-by), in order of names. If
/// one fails, the others are still settled. Files that this program did not make are not changed; each gets an error.
/// Throws Error (sink) if the folder cannot be read.
std::vector<FolderEntry> settle_folder(std::string const &path, Judge const &judge);

/// Returns "FILE.new was left by an earlier run: its key is live and is now in FILE", for notes.
std::string describe_settled(Folder const &folder, std::string const &name, Settled settled,
                             Unfinished kind = Unfinished::file);

}  // namespace relay::cli
