#pragma once

#include "cli/sink/format.hpp"
#include "cli/sink/options.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/identity/recover.hpp"
#include "relay/model/error.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace relay::cli {

class Output;

/// Returns what became of the transaction that belongs to a file's content: `settle_content`, bound to a database.
/// `made_for` is the database recorded in the file, if any.
using Judge = std::function<Verdict(std::string_view content, std::optional<std::string> const &made_for)>;

/// A delivery of one key, with the step that precedes the main transaction.
class Sink : public KeyDelivery {
  public:
    /// Settles what a killed run left at this destination; calls `judge` only if there is something. Throws Error
    /// (sink) if the destination is in use by another run, was not made by this program, or has no room for a new
    /// secret; and whatever `judge` throws.
    virtual void settle(Judge const &judge) = 0;
};

/// Returns the format that `options` ask for. `seal_keys` replaces --seal-key. Throws Error (usage) for flags that do
/// not fit together, or a malformed name or key.
Rendering make_rendering(SinkOptions const &options, std::shared_ptr<SealKeys const> seal_keys = nullptr);

/// Opens the one sink that `options` name; the terminal if they name none. Checks all that can be checked without a
/// database, and changes nothing.
///
/// Throws Error: usage for no sink or several, flags that do not fit together, or a malformed name or key; sink if the
/// destination cannot take the secret. Order of use: open_sink, Sink::settle, then the use case. `output` must outlive
/// the sink; with --secret-stdout it is diverted to stderr.
std::unique_ptr<Sink> open_sink(SinkOptions const &options, Output &output);

}  // namespace relay::cli
