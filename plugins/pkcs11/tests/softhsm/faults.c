/* SoftHSM with the faults of real tokens: a PKCS#11 library that passes every call on to SoftHSM
 * and does to some what the file FAULTS says, a word and a number on each line. What it does to a
 * signature it does once. Every login and signature is noted in the file NOTES. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long ulong;
typedef void (*function)(void);

/* CK_FUNCTION_LIST (PKCS#11 2.40, section 3.6): a version, then functions in a fixed order. */
struct list {
    unsigned char major, minor;
    function functions[68];
};
enum { GET_SLOT_LIST = 4, GET_TOKEN_INFO = 6, OPEN_SESSION = 12, CLOSE_SESSION = 13,
       CLOSE_ALL_SESSIONS = 14, GET_SESSION_INFO = 15, LOGIN = 18, SIGN_INIT = 42 };

static struct list real, ours;

static ulong fault(const char *wanted)
{
    char word[64];
    ulong number, found = 0;
    FILE *file = fopen(FAULTS, "r");
    if (file == NULL) {
        return 0;
    }
    while (fscanf(file, "%63s %lx", word, &number) == 2) {
        if (strcmp(word, wanted) == 0) {
            found = number;
        }
    }
    fclose(file);
    return found;
}

static void note(const char *what)
{
    FILE *file = fopen(NOTES, "a");
    if (file != NULL) {
        fprintf(file, "%s\n", what);
        fclose(file);
    }
}

static ulong slot_of(ulong session)
{
    ulong info[4] = { 0 };
    ((ulong (*)(ulong, ulong *))real.functions[GET_SESSION_INFO])(session, info);
    return info[0];
}

static ulong get_slot_list(unsigned char present, ulong *slots, ulong *count)
{
    if (fault("absent")) {
        *count = 0;
        return 0;
    }
    return ((ulong (*)(unsigned char, ulong *, ulong *))real.functions[GET_SLOT_LIST])(
        present, slots, count);
}

static ulong get_token_info(ulong slot, unsigned char *info)
{
    ulong flags, result =
        ((ulong (*)(ulong, unsigned char *))real.functions[GET_TOKEN_INFO])(slot, info);
    memcpy(&flags, info + 96, sizeof flags);
    flags |= fault("flags");
    memcpy(info + 96, &flags, sizeof flags);
    return result;
}

static ulong login(ulong session, ulong user, unsigned char *pin, ulong length)
{
    ulong spare, answer = fault("login");
    note("login");
    if (answer != 0) {
        return answer;
    }
    if (fault("spare")) { /* another session, in which the login outlives ours */
        ((ulong (*)(ulong, ulong, void *, void *, ulong *))real.functions[OPEN_SESSION])(
            slot_of(session), 4, NULL, NULL, &spare);
    }
    if (pin == NULL) { /* typed on the device */
        pin = (unsigned char *)PIN;
        length = strlen(PIN);
    }
    return ((ulong (*)(ulong, ulong, unsigned char *, ulong))real.functions[LOGIN])(
        session, user, pin, length);
}

static ulong sign_init(ulong session, void *mechanism, ulong key)
{
    ulong answer = fault("sign"), drop = fault("drop"), reset = fault("reset");
    note("sign");
    if (answer != 0 || drop != 0 || reset != 0) {
        unlink(FAULTS);
    }
    if (answer != 0) {
        return answer;
    }
    if (drop != 0) {
        ((ulong (*)(ulong))real.functions[CLOSE_SESSION])(session);
    }
    if (reset != 0) {
        ((ulong (*)(ulong))real.functions[CLOSE_ALL_SESSIONS])(slot_of(session));
    }
    return ((ulong (*)(ulong, void *, ulong))real.functions[SIGN_INIT])(session, mechanism, key);
}

ulong C_GetFunctionList(struct list **list)
{
    struct list *softhsm;
    void *library = dlopen(SOFTHSM, RTLD_NOW | RTLD_LOCAL);
    ulong (*get)(struct list **) = (ulong (*)(struct list **))dlsym(library, "C_GetFunctionList");
    if (get == NULL || get(&softhsm) != 0) {
        return 5; /* CKR_GENERAL_ERROR */
    }
    real = ours = *softhsm;
    ours.functions[GET_SLOT_LIST] = (function)get_slot_list;
    ours.functions[GET_TOKEN_INFO] = (function)get_token_info;
    ours.functions[LOGIN] = (function)login;
    ours.functions[SIGN_INIT] = (function)sign_init;
    *list = &ours;
    return 0;
}
