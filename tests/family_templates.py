"""Chat templates as model families have them, where TRL ships none. Written by us."""

#: How SmolLM3's looks: it marks the header, too, and thinks by default.
SMOLLM3 = (
    "{% set think = enable_thinking if enable_thinking is defined else true %}"
    "{% for m in messages %}{% if m['role'] == 'assistant' %}{% generation %}"
    "{{ '<|im_start|>assistant\n' + ('' if think else '<think>\n\n</think>\n')"
    " + m['content'] + '<|im_end|>\n' }}{% endgeneration %}{% else %}"
    "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|im_start|>assistant\n' + ('' if think else '<think>\n\n</think>\n') }}{% endif %}"
)
