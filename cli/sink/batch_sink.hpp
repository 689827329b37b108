#pragma once

#include "cli/sink/options.hpp"
#include "cli/sink/sink.hpp"
#include "relay/identity/delivery.hpp"

#include <memory>

namespace relay::cli {

/// A delivery of many keys, with what is due before the first transaction.
class BatchSink : public BatchDelivery {
  public:
    /// As Sink::settle.
    virtual void settle(Judge const &judge) = 0;
    /// The file of one that was delivered here, relative to --secrets-dir, if it is there still.
    virtual std::optional<std::string> find(Recipient const &) const { return std::nullopt; }
};

/// Where many secrets may go: --secrets-dir, one file each; --secret-file with --secret-format json or sealed, one line each, behind those of earlier
/// batches; --deliver, to a command. Throws as open_sink.
std::unique_ptr<BatchSink> open_batch_sink(BatchSinkOptions const &options, Output &output);

}  // namespace relay::cli
