#pragma once

namespace relay::cli {

/// What a command does besides printing.
enum class Effect {
    reads,  ///< it changes nothing; --dry-run makes no difference
    changes,  ///< it changes something, or with --dry-run only shows what it would change
    acts,  ///< it changes something that cannot be tried: it refuses --dry-run
};

}  // namespace relay::cli
