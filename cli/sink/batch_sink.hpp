#pragma once

#include "cli/sink/options.hpp"
#include "cli/sink/sink.hpp"
#include "relay/identity/delivery.hpp"

#include <memory>

namespace relay::cli {

/// A delivery of many keys, with the step that precedes the first transaction.
class BatchSink : public BatchDelivery {
  public:
    /// As Sink::settle.
    virtual void settle(Judge const &judge) = 0;
    /// Returns the file of a key that was delivered here, relative to --secrets-dir, if it still exists.
    virtual std::optional<std::string> find(Recipient const &) const { return std::nullopt; }
};

/// Opens the place for many secrets: --secrets-dir (one file each), --secret-file with --secret-format json or sealed
/// (one line each, appended to those of earlier batches), or --deliver (a command). Throws as open_sink does.
std::unique_ptr<BatchSink> open_batch_sink(BatchSinkOptions const &options, Output &output);

}  // namespace relay::cli
