// Looking for images of the same kind, by the embeddings of a small network.
#pragma once

#include "outcome.hpp"

namespace example {

/// Fashion-MNIST: a thousand test images are queries, a thousand others the documents, relevant are those of the same
/// class. The teacher is an MLP with an embedding of 64 numbers, trained on all labels so that its first 8, 16 and 32
/// numbers classify as well (Matryoshka). The plain student is a smaller one, trained likewise on 1 000 labels; LEAF
/// gives a student of the same shape the teacher's embeddings of all images, without labels. Outcomes: teacher,
/// students, and queries of a student among documents of the teacher; embeddings whole and cut off, in floats, bytes
/// and bits. A hundred documents are relevant, more or less: recall is that of the first hundred.
std::vector<outcome> retrieval(const task_settings& settings);

}  // namespace example
