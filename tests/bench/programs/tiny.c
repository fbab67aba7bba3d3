/* A command without a C library: it writes one byte and ends. What it takes hides nothing of what its init takes. */
static long call(long number, long first, long second, long third)
{
#if defined(__x86_64__)
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(first), "S"(second), "d"(third) : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = first, x1 __asm__("x1") = second, x2 __asm__("x2") = third;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
#endif
}

#if defined(__x86_64__)
enum { WRITE = 1, EXIT = 60 };
#elif defined(__aarch64__)
enum { WRITE = 64, EXIT = 93 };
#endif

void _start(void)
{
    call(WRITE, 1, (long)"x", 1);
    call(EXIT, 0, 0, 0);
    __builtin_unreachable();
}
