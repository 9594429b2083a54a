"""This library, through ctypes on the same NumPy buffers; each call pays for ctypes."""

import ctypes
import pathlib

import numpy as np

import cases

LIBRARY = pathlib.Path(__file__).resolve().parents[2] / "build/bench/bench/libpeers_ours.so"


class Peer:
    def __init__(self, threads):
        self.threads, self.versions = threads, {}
        self.library = library = ctypes.CDLL(LIBRARY)
        pointer, size = ctypes.c_void_p, ctypes.c_int64
        library.peers_open.argtypes = [ctypes.c_char_p] + 4 * [pointer] + [size, size, ctypes.c_int]
        library.peers_open.restype = pointer
        library.peers_value_only.argtypes, library.peers_value_only.restype = [pointer], ctypes.c_int
        library.peers_formula.argtypes, library.peers_formula.restype = [pointer], ctypes.c_char_p
        library.peers_run.argtypes, library.peers_run.restype = [pointer, size], ctypes.c_double
        library.peers_lesson.argtypes = [ctypes.c_char_p, pointer, pointer, size, ctypes.c_int]
        library.peers_lesson.restype = pointer
        library.peers_parameter.argtypes, library.peers_parameter.restype = [pointer, size, size], pointer
        library.peers_steps.argtypes, library.peers_steps.restype = [pointer, size], ctypes.c_double

    def formula(self, objective):
        if objective in cases.TRAININGS:
            return "bench/students.hpp"
        arrays = self.place(np.zeros((1, 2), np.float32), np.zeros((1, 2), np.float32), np.zeros(1, np.int64))
        return self.library.peers_formula(self.open(objective, arrays)).decode()

    def place(self, student, teacher, labels):
        gradient = np.zeros(student.size + 16, student.dtype)
        start = -gradient.ctypes.data % 64 // gradient.itemsize
        return student, teacher, labels, gradient[start : start + student.size].reshape(student.shape)

    def open(self, objective, arrays):
        pointers = [a.ctypes.data for a in arrays]
        return ctypes.c_void_p(self.library.peers_open(objective.encode(), *pointers, *arrays[0].shape, self.threads))

    def lesson(self, student, images, labels):
        import training  # PyTorch, for nothing but the weights

        digits = labels % 10
        arguments = student.encode(), images.ctypes.data, digits.ctypes.data, len(images), self.threads
        it = ctypes.c_void_p(self.library.peers_lesson(*arguments))
        for k, values in enumerate(training.weights(student)):
            to = self.library.peers_parameter(it, k, values.size)
            if to is None:
                raise ValueError(f"{student}: parameter {k} has not {values.size} elements")
            ctypes.memmove(to, values.ctypes.data, values.nbytes)
        losses = np.array([self.library.peers_steps(it, 1) for _ in range(training.STEPS)])

        def one(read=(images, digits)):  # which have to live as long
            self.library.peers_steps(it, 1)
            return losses, losses[:0]

        return one

    def ways(self, objective, arrays):
        if objective in cases.TRAININGS:
            return {"step": self.lesson(cases.student_of(objective), arrays[0], arrays[2])}
        problem, run, one, gradient = self.open(objective, arrays), self.library.peers_run, 1, arrays[-1]
        self.inside = lambda repeats: run(problem, repeats)
        if self.library.peers_value_only(problem):
            return {"value": lambda: (run(problem, one), gradient[:, :0])}
        return {"value_and_gradient": lambda: (run(problem, one), gradient)}

    def fetch(self, result):
        return result
