#pragma once

#include "cli/sink/secret_file.hpp"
#include "cli/sink/sink.hpp"

#include <optional>
#include <string>
#include <vector>

namespace relay::cli {

/// What became of a FILE.new that a killed run left.
enum class Settled {
    nothing,  ///< there was none
    finished,  ///< its secret is live: it is in FILE now
    removed,  ///< its secret will never be live
};

/// NAME.new becomes NAME; NAME.batch is appended to it.
enum class Unfinished { file, batch };

/// Settles NAME.new in the folder: finishes it if `judge` says done, removes it if aborted. Nothing is touched before the verdict.
/// Throws Error (sink): in use by another run, not made by this program, made for another database, no regular file, or NAME cannot take it; whatever `judge` throws.
Settled settle_in(Folder const &folder, std::string const &name, Judge const &judge,
                  Unfinished kind = Unfinished::file);

/// As settle_in, for the FILE.new that belongs to `path`; says on stderr what was found and done. True if there was one.
bool settle_leftover(std::string const &path, Judge const &judge, Output &output);

/// One FILE.new or FILE.batch of a folder.
struct FolderEntry {
    std::string path;  ///< of FILE.new
    Settled settled = Settled::nothing;
    std::string message{};  ///< what was found and done, for people
    std::optional<Error> error{};  ///< why it was left alone
};

/// Settles every *.new and *.batch of a folder, and of the private folders in it (--group-by), in order of names; one that fails does not stop the others. Those that this program did not make are left
/// alone, with an error each. Throws Error (sink) if the folder cannot be read.
std::vector<FolderEntry> settle_folder(std::string const &path, Judge const &judge);

/// "FILE.new of an earlier run: its key is live, finished as FILE", for notes.
std::string describe_settled(Folder const &folder, std::string const &name, Settled settled,
                             Unfinished kind = Unfinished::file);

}  // namespace relay::cli
