#include "relay/model/subject.hpp"

#include "relay/model/error.hpp"

#include <algorithm>

namespace relay {

SubjectKind common_kind(std::vector<Subject> const &subjects) {
    if (subjects.empty()) {
        throw Error(ErrorKind::internal, "a list of subjects is empty");
    }
    SubjectKind const kind = kind_of(subjects.front());
    bool const same = std::all_of(subjects.begin(), subjects.end(),
                                  [kind](Subject const &subject) { return kind_of(subject) == kind; });
    if (!same) {
        throw Error(ErrorKind::internal, "a list of subjects is of several kinds");
    }
    return kind;
}

}  // namespace relay
