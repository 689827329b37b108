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

/// Tells what became of the transaction that belongs to a file's content: `settle_content`, bound to a database. `made_for`: the database that
/// the file says it was made for, if it does.
using Judge = std::function<Verdict(std::string_view content, std::optional<std::string> const &made_for)>;

/// A delivery of the program, with what is due before the main transaction.
class Sink : public KeyDelivery {
  public:
    /// Settles what a killed run left at this destination, and asks `judge` only if there is something.
    /// Throws Error: sink, it is in use by another run, or is none of ours, or there is no room for a new secret; whatever `judge` throws.
    virtual void settle(Judge const &judge) = 0;
};

/// The shape that `options` ask for. Throws Error (usage): flags that do not fit together, a malformed name or key.
/// `seal_keys`: in the place of --seal-key.
Rendering make_rendering(SinkOptions const &options, std::shared_ptr<SealKeys const> seal_keys = nullptr);

/// The one sink that `options` name; without one, the terminal. Checks everything that needs no database, and changes nothing.
///
/// Throws Error: usage, no sink or several, flags that do not fit together, a malformed name or key; sink, the destination cannot take it.
/// Order of use: open_sink, Sink::settle, then the use case. `output` must outlive the sink; with --secret-stdout it is diverted.
std::unique_ptr<Sink> open_sink(SinkOptions const &options, Output &output);

}  // namespace relay::cli
