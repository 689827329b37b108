#include "cli/policy/tell_owners.hpp"

#include "cli/output/output.hpp"
#include "cli/output/untold.hpp"
#include "cli/policy/due_notify.hpp"
#include "cli/policy/due_pages.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <utility>

namespace relay::cli {

namespace {

std::string joined(std::vector<std::string> const &names) {
    std::string text;
    for (std::string const &name : names) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return text.empty() ? "nobody" : text;
}

void say_what_would_be_done(Context &context, TellOwners const &how, OwnerNotice const &notice) {
    std::string const about = name_of(notice.due.owner) + " (" + counted(notice.due.keys, "key") + ")";
    if (how.html) {
        context.output().note("would write a page for " + about + " into " + *how.html);
    }
    if (how.notify) {
        context.output().note("would run the command of --notify for " + about);
    }
}

void notify(Context &context, TellOwners const &how, OwnerNotice const &notice, Told &told) {
    std::string const name = name_of(notice.due.owner);
    auto const complaint = notify_owner(context, *how.notify, how.limit, notice);
    told.left.erase(told.left.begin());
    if (!complaint) {
        told.reached.push_back(name);
        return;
    }
    told.failures.push_back("--notify failed for " + std::string(notice.due.owner ? "owner " : "") + name + ": " +
                            *complaint);
    context.output().warn(told.failures.back());
}

}  // namespace

void tell_owners(Context &context, TellOwners const &how, DueRequest const &request, Told &told) {
    bool const dry_run = context.globals().dry_run;
    std::optional<DuePages> pages;
    if (how.html) {
        pages.emplace(*how.html, context.globals(), request);
    }
    auto const owners = owners_to_tell(context.database(), request);
    std::transform(owners.begin(), owners.end(), std::back_inserter(told.left), name_of);
    for (std::optional<OwnerName> const &owner : owners) {
        OwnerNotice const notice = read_notice(context.database(), request, owner);
        if (notice.keys.empty()) {  // all may have been rotated since
            told.left.erase(told.left.begin());
        } else if (dry_run) {
            say_what_would_be_done(context, how, notice);
        } else {
            if (pages) {
                pages->add(notice);
            }
            if (how.notify) {
                notify(context, how, notice, told);
            }
        }
    }
    if (pages && !dry_run) {
        pages->finish();
    }
}

void fail_after_telling(Told const &told, std::exception_ptr failure) {
    if (!told.any()) {
        std::rethrow_exception(std::move(failure));
    }
    std::string what;
    Hint hint;
    try {
        std::rethrow_exception(std::move(failure));
    } catch (Error const &error) {
        what = what_failed(error);
        hint = error.hint();
    } catch (ReaderGone const &) {
        if (told.failures.empty()) {
            throw;
        }
        what = "the reader of stdout is gone";
    }
    std::string const failed =
        told.failures.empty()
            ? ""
            : "; for " + counted(static_cast<std::int64_t>(told.failures.size()), "owner") + " the command failed";
    hint.next = Advice("notify those that were not, with --owner");
    throw Error(
        ErrorKind::partial,
        what + "; notified: " + joined(told.reached) + failed + "; no command was run for: " + joined(told.left),
        std::move(hint));
}

}  // namespace relay::cli
